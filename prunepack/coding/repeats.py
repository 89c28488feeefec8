"""Repetition of wide numbers: the fraction of nonzero items that occurred before.

Weights rarely repeat, and entropy coders of numbers then beat every compressor that looks for
matches. Some weights repeat at a distance: windows and sinusoids of an audio model, rows that are
mirrored, tables that are stored twice. A quick compressor does not find matches of four bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array

__all__ = ["WIDE_BYTES", "is_repetitive", "sample_words"]

WIDE_BYTES = 4
"""Items of at least this size have enough values that equal ones mean repetition."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, as in Fibonacci hashing."""

SAMPLE_SHIFT = np.uint64(60)
"""One word of 2^4 is in the sample. The word itself decides, so that its repetitions are too."""

SHORT_ITEMS = 2**12
"""Of fewer items, all are in the sample."""

MIN_REPEATED = 0.2


def is_repetitive(array: Array) -> bool:
    """Tell whether items (1-D) are wide, and a fifth of the nonzero ones occurred before."""
    if array.itemsize < WIDE_BYTES:
        return False
    words = sample_words(array)
    return bool(np.unique(words).size < (1 - MIN_REPEATED) * words.size)


def sample_words(array: Array) -> Array:
    """Return a sample of the nonzero items, chosen by their own bits (1-D, uint64, hashed)."""
    hashes = bits(array).astype(np.uint64) * MULTIPLIER
    hashes = hashes[hashes != 0]
    if array.size <= SHORT_ITEMS:
        return hashes
    sample: Array = hashes[hashes >> SAMPLE_SHIFT == 0]
    return sample
