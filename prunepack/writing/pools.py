"""Which tensors share an item stream, and reading them.

A stream costs about a hundred bytes, in the header and in its own metadata. That is nothing for a
large tensor and decides a small model, so small tensors that are alike are put end to end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.format.header import Copy
from prunepack.writing.pool_grouping import Group, grouped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prunepack.coding.dtypes import Array
    from prunepack.io.regular_file import RegularFile
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import Span

__all__ = ["Member", "cut", "make_pools"]

SMALL = 2**16
"""Tensors of more items have a pool of their own."""


@dataclass(frozen=True, slots=True)
class Member:
    """A tensor of a pool, and the file that it is in."""

    span: Span
    file: RegularFile

    @property
    def count(self) -> int:
        """Number of items of its carrier type."""
        return (self.span.stop - self.span.start) // self.span.dtype.itemsize

    def items(self) -> Iterator[Array]:
        """Read the items of its carrier type, in 1-D arrays of some MB each."""
        for block in self.file.iter_blocks(self.span.start, self.span.stop):
            yield np.frombuffer(block, self.span.dtype.carrier)


def make_pools(sources: Iterable[Source]) -> tuple[list[list[Member]], list[Copy]]:
    """Sort the tensors of all sources into pools, in the order of their first member.

    Returns:
        The pools, and the tensors that need no place in one because another one has their bytes.
    """
    stored: dict[str, Member] = {}
    copies: list[Copy] = []
    first: dict[object, str] = {}
    for source in sources:
        for span in source.spans:
            member = Member(span, source.file)
            name = first.setdefault(_content_of(member), span.name)
            if name == span.name:
                stored[name] = member
            else:
                copies.append(Copy(span.name, name, span.shape))
        copies += [Copy(twin.name, of, twin.shape) for of, twin in source.twins]
    return _pools(stored), _resolved(copies)


def _pools(stored: Mapping[str, Member]) -> list[list[Member]]:
    """Give large tensors a pool each, and group the small ones of each type."""
    pools = [[name] for name, member in stored.items() if member.count > SMALL]
    small: dict[str, list[Group[str]]] = {}
    for name, member in stored.items():
        if member.count <= SMALL:
            group = Group.of(name, np.concatenate(list(member.items())))
            small.setdefault(member.span.dtype.name, []).append(group)
    places = {name: place for place, name in enumerate(stored)}
    for groups in small.values():
        pools += [sorted(group.members, key=places.__getitem__) for group in grouped(groups)]
    pools.sort(key=lambda names: places[names[0]])
    return [[stored[name] for name in names] for names in pools]


def _content_of(member: Member) -> object:
    """Return what only tensors with the same elements have in common."""
    digest = hashlib.sha256()
    for block in member.file.iter_blocks(member.span.start, member.span.stop):
        digest.update(block)
    elements = int(np.prod(member.span.shape, dtype=np.int64))
    return member.span.dtype.name, elements, digest.digest()


def _resolved(copies: list[Copy]) -> list[Copy]:
    """Make a copy of a copy one of the stored tensor."""
    of = {copy.name: copy.of for copy in copies}
    return [Copy(copy.name, of.get(copy.of, copy.of), copy.shape) for copy in copies]


def cut(arrays: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield the concatenation of ``arrays`` in new arrays of ``size``, and a shorter last one."""
    held: list[Array] = []
    room = size
    for array in arrays:
        at = 0
        while at < array.size:
            held.append(array[at : at + room])
            at += held[-1].size
            room -= held[-1].size
            if room == 0:
                yield np.concatenate(held)
                held, room = [], size
    if held:
        yield np.concatenate(held)
