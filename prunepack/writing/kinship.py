"""Large tensors that share numbers, so that one stream with both is smaller than two."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.repeats import WIDE_BYTES, sample_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.model_files.spans import TensorSpan

__all__ = ["group_kin"]

MIN_WORDS = 256
"""Distinct words in a sample of a tensor; a tensor with fewer is better off with a palette."""

MIN_SHARED = 0.25
"""Fraction of the distinct words of a tensor that the first tensor of its group has."""


def group_kin(spans: Sequence[TensorSpan], max_items: int) -> list[list[TensorSpan]]:
    """Divide tensors of one type into groups that share numbers, each of at most ``max_items``.

    The sine and the cosine part of a Fourier basis are an example: most numbers of one are in the
    other too.
    """
    samples = [
        _sample(span) if span.items < max_items else np.empty(0, np.uint64) for span in spans
    ]
    leaders = _find_leaders(samples)
    groups: list[list[TensorSpan]] = []
    for _, members in groupby(
        sorted(range(len(spans)), key=leaders.__getitem__), leaders.__getitem__
    ):
        room = 0
        for member in members:
            if spans[member].items > room:
                groups.append([])
                room = max(max_items, spans[member].items)
            groups[-1].append(spans[member])
            room -= spans[member].items
    return groups


def _sample(span: TensorSpan) -> Array:
    """Return distinct words of a tensor, or none if they are few, or narrow."""
    if span.dtype.itemsize < WIDE_BYTES:
        return np.empty(0, np.uint64)
    words = np.unique(np.concatenate([sample_words(part) for part in span.iter_items()]))
    return words if words.size >= MIN_WORDS else words[:0]


def _find_leaders(samples: Sequence[Array]) -> list[int]:
    """Return for each sample the first one that shares enough words with it, or itself."""
    owners = np.repeat(np.arange(len(samples)), [sample.size for sample in samples])
    words = np.concatenate([*samples, np.empty(0, np.uint64)])
    order = np.lexsort((owners, words))
    words, owners = words[order], owners[order]
    is_first = np.ones(words.size, bool)
    is_first[1:] = words[1:] != words[:-1]
    firsts = owners[np.maximum.accumulate(np.where(is_first, np.arange(words.size), 0))]
    pairs, counts = np.unique(firsts * len(samples) + owners, return_counts=True)
    leaders = list(range(len(samples)))
    best = [0] * len(samples)
    for pair, shared in zip(pairs.tolist(), counts.tolist(), strict=True):
        first, owner = divmod(pair, len(samples))
        enough = MIN_SHARED * min(samples[first].size, samples[owner].size)
        if first != owner and shared >= max(enough, best[owner] + 1):
            leaders[owner], best[owner] = leaders[first], shared
    return leaders
