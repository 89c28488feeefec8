"""Pools: tensors that share one stream of items.

A stream costs about a hundred bytes, in the header and in its own metadata. For a large tensor
that is nothing, but it decides the size of a small model. So small tensors with similar elements
are stored end to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.format.header import Copy
from prunepack.writing.pool_grouping import Group, merge_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prunepack.coding.dtypes import Array
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import TensorSpan

__all__ = ["make_pools", "rechunk"]

MAX_SHARED_ITEMS = 2**16
"""A tensor with more items has a pool of its own."""


def make_pools(sources: Iterable[Source]) -> tuple[list[list[TensorSpan]], list[Copy]]:
    """Divide the tensors of all sources into pools, in the order of their first tensor.

    Returns:
        The pools, and the copies: tensors with the elements of another tensor, in no pool.
    """
    stored: dict[str, TensorSpan] = {}
    copies: list[Copy] = []
    first: dict[object, str] = {}
    for source in sources:
        for span in source.spans:
            name = first.setdefault(_content_key(span), span.name)
            if name == span.name:
                stored[name] = span
            else:
                copies.append(Copy(span.name, name, span.shape))
        copies += [Copy(duplicate.name, of, duplicate.shape) for of, duplicate in source.duplicates]
    return _divide_into_pools(stored), _resolve_copies(copies)


def _divide_into_pools(stored: Mapping[str, TensorSpan]) -> list[list[TensorSpan]]:
    """Give each large tensor a pool of its own, and group the small tensors of each type."""
    pools = [[name] for name, span in stored.items() if span.items > MAX_SHARED_ITEMS]
    small: dict[str, list[Group[str]]] = {}
    for name, span in stored.items():
        if span.items <= MAX_SHARED_ITEMS:
            group = Group.from_items(name, np.concatenate(list(span.iter_items())))
            small.setdefault(span.dtype.name, []).append(group)
    places = {name: place for place, name in enumerate(stored)}
    for groups in small.values():
        pools += [sorted(group.members, key=places.__getitem__) for group in merge_groups(groups)]
    pools.sort(key=lambda names: places[names[0]])
    return [[stored[name] for name in names] for names in pools]


def _content_key(span: TensorSpan) -> object:
    """Return a key that two tensors share only if they have the same elements."""
    return span.dtype.name, span.elements, span.file.hash_range(span.start, span.stop)


def _resolve_copies(copies: list[Copy]) -> list[Copy]:
    """Make a copy of a copy a copy of the stored tensor."""
    of = {copy.name: copy.of for copy in copies}
    return [Copy(copy.name, of.get(copy.of, copy.of), copy.shape) for copy in copies]


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
