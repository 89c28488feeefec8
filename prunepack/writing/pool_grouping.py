"""Groups of small tensors that cost less in one pool than in several.

A pool costs bytes of its own, in the header and for the tables of the compressors. On the other
hand, a code that must fit unlike elements (other fractions of zeros, other magnitudes) is longer.
Both costs are estimated, the second by entropies (Shannon 1948) of the zeros and of the leading
bits of the other items. Nothing is encoded for the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.model_files.spans import iter_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.model_files.spans import TensorSpan

__all__ = ["Group", "group_small", "merge_groups"]

T = TypeVar("T")

LEADING = 10
"""Bits of an item that are counted: sign, exponent and the first mantissa bit of a float."""

MAGNITUDE = 2 ** (LEADING - 1) - 1
"""Leading bits except the sign."""

POOL_BYTES = 150
"""Cost of a pool beside its elements."""

MAX_GROUPS = 512
"""Of more tensors, similar ones form a group from the start."""

DENSITY_CLASSES = 8


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Statistics of tensors that may share a pool.

    Attributes:
        members: The tensors.
        zeros: Number of their items that are zero.
        leading: Number of their other items with each pattern of leading bits
            (2 ** ``LEADING``,).
    """

    members: tuple[T, ...]
    zeros: int
    leading: Array

    @classmethod
    def from_items(cls, member: T, items: Array) -> Group[T]:
        """Return the group of one member with these items (1-D, of a carrier type)."""
        tops = _read_leading_bits(items)
        return cls((member,), items.size - tops.size, np.bincount(tops, minlength=2**LEADING))

    def __add__(self, other: Group[T]) -> Group[T]:
        members = self.members + other.members
        return Group(members, self.zeros + other.zeros, self.leading + other.leading)

    @property
    def density(self) -> float:
        """The fraction of items that are not zero."""
        count = int(self.leading.sum())
        return count / max(count + self.zeros, 1)

    @property
    def magnitude(self) -> float:
        """The mean of the leading bits without the sign; for floats, about the logarithm."""
        places = np.arange(self.leading.size) % (self.leading.size // 2)
        return float((self.leading * places).sum() / max(self.leading.sum(), 1))

    @property
    def cost(self) -> int:
        """Estimate of the part of a pool's size that depends on the grouping, in bits / 2^16."""
        mask = np.array([self.zeros, self.leading.sum()])
        return (POOL_BYTES * 8 << 16) + _entropy(mask) + _entropy(self.leading)


def _read_leading_bits(items: Array) -> Array:
    """Return the leading bits of the items that are not zero (1-D, int64)."""
    words = bits(items)
    words = words[words != 0]
    tops: Array = (words >> max(words.itemsize * 8 - LEADING, 0)).astype(np.int64)
    return tops


def _entropy(counts: Array) -> int:
    """Return the bits / 2^16 of an ideal code for symbols that occur ``counts`` times.

    The result is an integer, so that every machine forms the same pools.
    """
    present = counts[counts > 0]
    if not present.size:
        return 0
    return int((present * (_log2(present.sum()) - _log2(present))).sum())


def _log2(counts: Array) -> Array:
    rounded: Array = np.rint(np.log2(counts) * 2**16).astype(np.int64)
    return rounded


def group_small(spans: Sequence[TensorSpan]) -> list[list[TensorSpan]]:
    """Divide small tensors of one type into groups that each share a pool."""
    buckets = _assign_buckets(spans)
    members: list[list[int]] = [[] for _ in range(max(buckets) + 1)]
    zeros = [0] * len(members)
    leading = np.zeros((len(members), 2**LEADING), np.int64)
    for place, (_, items) in enumerate(iter_small(spans)):
        group, bucket = Group.from_items(place, items), buckets[place]
        members[bucket].append(place)
        zeros[bucket] += group.zeros
        leading[bucket] += group.leading
    merged = merge_groups(map(Group, map(tuple, members), zeros, leading))
    return [[spans[place] for place in sorted(group.members)] for group in merged]


def _assign_buckets(spans: Sequence[TensorSpan]) -> list[int]:
    """Return a bucket for each tensor: its own, or one of a limited number with similar tensors.

    The time of :func:`merge_groups` grows with the square of the number of groups.
    """
    if len(spans) <= MAX_GROUPS:
        return list(range(len(spans)))
    keys = []
    for place, (_, items) in enumerate(iter_small(spans)):
        tops = _read_leading_bits(items)
        magnitude = int((tops & MAGNITUDE).sum()) / max(tops.size, 1)
        keys.append((DENSITY_CLASSES * tops.size // items.size, magnitude, place))
    buckets = [0] * len(spans)
    for rank, (*_, place) in enumerate(sorted(keys)):
        buckets[place] = rank * MAX_GROUPS // len(spans)
    return buckets


def merge_groups(groups: Iterable[Group[T]]) -> list[Group[T]]:
    """Merge groups while that saves bytes: neighbours by magnitude, then by density."""
    merged = list(groups)
    for order in ("magnitude", "density"):
        merged = _merge_neighbours(sorted(merged, key=attrgetter(order)))
    return merged


def _merge_neighbours(groups: list[Group[T]]) -> list[Group[T]]:
    """Merge the two neighbours with the largest gain, until no merge gains."""
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
