"""Pools: tensors that share one stream of items.

A stream costs about a hundred bytes, in the header and in its own metadata. For a large tensor
that is nothing, but it decides the size of a small model. So small tensors with similar elements
are stored end to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.writing.copies import find_copies
from prunepack.writing.kinship import group_kin
from prunepack.writing.pool_grouping import group_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.format.header import Copy
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import TensorSpan

__all__ = ["CHUNK_ITEMS", "make_pools", "rechunk"]

MAX_SHARED_ITEMS = 2**16
"""A tensor with more items shares a pool only if it shares its numbers too."""

CHUNK_ITEMS = 2**20


def make_pools(sources: Sequence[Source]) -> tuple[list[list[TensorSpan]], list[Copy]]:
    """Divide the tensors of all sources into pools, in the order of their first tensor.

    Returns:
        The pools, and the copies: tensors with the elements of another tensor, in no pool.
    """
    stored, copies = find_copies(sources)
    by_type: dict[tuple[str, bool], list[TensorSpan]] = {}
    for span in stored:
        by_type.setdefault((span.dtype.name, span.items > MAX_SHARED_ITEMS), []).append(span)
    pools = []
    for (_, is_large), spans in by_type.items():
        pools += group_kin(spans, CHUNK_ITEMS) if is_large else group_small(spans)
    places = {span.name: place for place, span in enumerate(stored)}
    return sorted(pools, key=lambda pool: places[pool[0].name]), copies


def rechunk(arrays: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield the concatenation of ``arrays`` in new arrays of ``size``; the last may be shorter."""
    parts: list[Array] = []
    room = size
    for array in arrays:
        at = 0
        while at < array.size:
            parts.append(array[at : at + room])
            at += parts[-1].size
            room -= parts[-1].size
            if room == 0:
                yield np.concatenate(parts)
                parts, room = [], size
    if parts:
        yield np.concatenate(parts)
