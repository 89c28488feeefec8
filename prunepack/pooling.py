"""Which tensors share an element stream.

A stream costs about a hundred bytes, in the header and in its own metadata. That is nothing for a
large tensor and decides a small model, so small tensors are put end to end: those with many zeros
in one pool, those without in another, since they need different codecs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.dtypes import bits
from prunepack.header import Copy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.dtypes import Array
    from prunepack.regular_file import RegularFile
    from prunepack.sources import Source
    from prunepack.spans import Span

__all__ = ["Member", "cut", "make_pools", "read_blocks"]

SMALL = 2**16
"""Tensors of more items have a pool of their own."""

SPARSE = 1 / 8
"""From this share of zeros on, a small tensor goes to the pool of the sparse ones."""

BLOCK = 4 * 1024**2
"""Bytes of a source that are read at a time."""


@dataclass(frozen=True, slots=True)
class Member:
    """A tensor of a pool, and the file that it is in."""

    span: Span
    file: RegularFile

    def items(self) -> Iterator[Array]:
        """Read the items of its carrier type, in 1-D arrays of some MB each."""
        for block in read_blocks(self.file, self.span.start, self.span.stop):
            yield np.frombuffer(block, self.span.dtype.carrier)


def read_blocks(file: RegularFile, start: int, stop: int) -> Iterator[memoryview]:
    """Read the bytes ``start`` to ``stop``, some MB at a time."""
    for at in range(start, stop, BLOCK):
        yield file.read(at, min(at + BLOCK, stop))


def make_pools(sources: Iterable[Source]) -> tuple[list[list[Member]], list[Copy]]:
    """Sort the tensors of all sources into pools, in the order of their first member.

    Returns:
        The pools, and the tensors that need no place in one because another one has their bytes.
    """
    pools: dict[object, list[Member]] = {}
    copies: list[Copy] = []
    first: dict[object, str] = {}
    for source in sources:
        for span in source.spans:
            member = Member(span, source.file)
            name = first.setdefault(_content_of(member), span.name)
            if name == span.name:
                pools.setdefault(_pool_of(member), []).append(member)
            else:
                copies.append(Copy(span.name, name, span.shape))
        copies += [Copy(twin.name, of, twin.shape) for of, twin in source.twins]
    return list(pools.values()), _resolved(copies)


def _content_of(member: Member) -> object:
    """Return what only tensors with the same elements have in common."""
    digest = hashlib.sha256()
    for block in read_blocks(member.file, member.span.start, member.span.stop):
        digest.update(block)
    elements = int(np.prod(member.span.shape, dtype=np.int64))
    return member.span.dtype.name, elements, digest.digest()


def _pool_of(member: Member) -> object:
    span = member.span
    items = (span.stop - span.start) // span.dtype.itemsize
    if items > SMALL:
        return span.name
    nonzero = sum(int(np.count_nonzero(bits(part))) for part in member.items())
    return span.dtype.name, nonzero <= (1 - SPARSE) * items


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
