"""Repetition of wide numbers, which compressors of text find and entropy coders of numbers do not.

Weights rarely repeat, and entropy coders of numbers then beat every compressor that looks for
matches. Some weights repeat at a distance: windows and sinusoids of an audio model, rows that are
mirrored, tables that are stored twice. A match of a single item pays only if the entropy of an
item is greater than that of a distance.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.coding.zstd_frames import measure_matches

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array

__all__ = ["WIDE_BYTES", "is_repetitive", "measure_repetition", "sample_words"]

WIDE_BYTES = 4
"""Items of at least this size have enough values that equal ones mean repetition."""

MATCH_BYTES = 2.2
"""Bytes of a match of one item by LZMA, if its distance is random."""

MIN_GAIN = 0.05
"""Fraction of the quick result that matches should save."""

MAX_MATCHED = 0.6
"""Fraction of the bytes of items that a quick search for longer matches leaves, if they repeat.

It leaves 0.2 to 0.3 of Fourier bases, 0.65 or more of weights whose values repeat by chance, and
0.85 or more of other weights.
"""

MIN_REPEATED = 0.1

PALETTE_ITEMS = 256
MAX_PALETTE = 0.005
"""Repetition of so few distinct items, relative to all, is the matter of a palette."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, as in Fibonacci hashing."""

SAMPLE_SHIFT = np.uint64(60)
"""One word of 2^4 is in the sample. The word itself decides, so that its repetitions are too."""

SHORT_ITEMS = 2**12
"""Of fewer items, all are in the sample."""


def is_repetitive(array: Array, quick: int) -> bool:
    """Tell whether matches would make items (1-D) smaller than ``quick`` bytes, a quick result.

    Zeros and their places do not count.
    """
    repeated = measure_repetition(array)
    if repeated < MIN_REPEATED:
        return False
    words: Array = bits(array)
    words = words[words != 0]
    cost = quick - _estimate_mask(words.size / array.size) * array.size
    if repeated * (cost - MATCH_BYTES * words.size) > MIN_GAIN * cost:
        return True
    return measure_matches(words.tobytes()) <= MAX_MATCHED * words.nbytes


def _estimate_mask(density: float) -> float:
    """Return the entropy of a random mask with this fraction of ones, in bytes per element."""
    return -sum(p * log2(p) for p in (density, 1 - density) if p) / 8


def measure_repetition(array: Array) -> float:
    """Return the fraction of the nonzero items that occurred before, or 0 if a palette has all."""
    if array.itemsize < WIDE_BYTES:
        return 0
    sample = sample_words(array)
    distinct = np.unique(sample).size
    if distinct <= min(PALETTE_ITEMS * sample.size / array.size, MAX_PALETTE * sample.size):
        return 0
    return 1 - distinct / sample.size


def sample_words(array: Array) -> Array:
    """Return a sample of the nonzero items, chosen by their own bits (1-D, uint64, hashed)."""
    hashes: Array = bits(array).astype(np.uint64) * MULTIPLIER
    hashes = hashes[hashes != 0]
    if array.size <= SHORT_ITEMS:
        return hashes
    sample: Array = hashes[hashes >> SAMPLE_SHIFT == 0]
    return sample
