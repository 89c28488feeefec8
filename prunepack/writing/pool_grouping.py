"""Which small tensors share a pool: those that are cheaper together than apart.

A pool costs bytes of its own, in the header and for the tables of the coders. Against that stands
what a code loses if it has to fit elements that are not alike: other shares of zeros, other
magnitudes. Both are estimated, the latter by entropies (Shannon 1948) of the zeros and of the
leading bits of the others; nothing is coded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from prunepack.coding.dtypes import bits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.coding.dtypes import Array

__all__ = ["Group", "grouped"]

T = TypeVar("T")

LEADING = 10
"""Bits of an item that are looked at: sign, exponent and a little more of a float."""

POOL_BYTES = 150
"""What a pool costs beside its elements."""


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Members that are going to share a pool.

    Attributes:
        members: They themselves.
        zeros: How many of their items are zero.
        leading: How many of the others have each pattern of leading bits: (2 ** ``LEADING``,).
    """

    members: tuple[T, ...]
    zeros: int
    leading: Array

    @classmethod
    def of(cls, member: T, items: Array) -> Group[T]:
        """Return the group of one member with these items (1-D, of a carrier type)."""
        words = bits(items)
        words = words[words != 0]
        tops = words >> max(words.itemsize * 8 - LEADING, 0)
        leading = np.bincount(tops.astype(np.int64), minlength=2**LEADING)
        return cls((member,), items.size - words.size, leading)

    def __add__(self, other: Group[T]) -> Group[T]:
        members = self.members + other.members
        return Group(members, self.zeros + other.zeros, self.leading + other.leading)

    @property
    def share(self) -> float:
        """The share of items that are no zeros."""
        count = int(self.leading.sum())
        return count / max(count + self.zeros, 1)

    @property
    def magnitude(self) -> float:
        """The mean of the leading bits but the sign: of floats, about the logarithm."""
        places = np.arange(self.leading.size) % (self.leading.size // 2)
        return float((self.leading * places).sum() / max(self.leading.sum(), 1))

    @property
    def cost(self) -> int:
        """About what a pool of them takes, but for what no grouping could save, in bits / 2^16."""
        mask = np.array([self.zeros, self.leading.sum()])
        return (POOL_BYTES * 8 << 16) + _entropy(mask) + _entropy(self.leading)


def _entropy(counts: Array) -> int:
    """Return the bits / 2^16 of an ideal code for symbols that are met so many times each.

    In whole numbers, so that every machine comes to the same pools.
    """
    met = counts[counts > 0]
    if not met.size:
        return 0
    return int((met * (_log2(met.sum()) - _log2(met))).sum())


def _log2(counts: Array) -> Array:
    rounded: Array = np.rint(np.log2(counts) * 2**16).astype(np.int64)
    return rounded


def grouped(groups: Iterable[Group[T]]) -> list[Group[T]]:
    """Merge groups while that saves bytes: neighbours by magnitude, then by share of zeros."""
    merged = list(groups)
    for order in ("magnitude", "share"):
        merged = _merge_neighbours(sorted(merged, key=attrgetter(order)))
    return merged


def _merge_neighbours(groups: list[Group[T]]) -> list[Group[T]]:
    """Merge the two neighbours that gain most by it, again and again."""
    gains = [_gain(*pair) for pair in pairwise(groups)]
    while gains and max(gains) > 0:
        at = gains.index(max(gains))
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
        del gains[at]
        for left in {at - 1, at} & set(range(len(gains))):
            gains[left] = _gain(groups[left], groups[left + 1])
    return groups


def _gain(a: Group[T], b: Group[T]) -> int:
    return a.cost + b.cost - (a + b).cost
