"""Sizes as products of a number and of named dimensions, one of them the batch."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BATCH", "ONE", "Dim", "Dims", "divide", "multiply"]


class Dim(NamedTuple):
    """A size: the product of a number and of named dimensions, sorted by name."""

    number: int
    names: tuple[str, ...] = ()

    @property
    def has_batch(self) -> bool:
        """Whether the size depends on that of the batch."""
        return BATCH_NAME in self.names

    def find_size(self, sizes: Mapping[str, int]) -> int | None:
        """Return the size, given those of the named dimensions; None if one is missing."""
        if any(name not in sizes for name in self.names):
            return None
        return self.number * math.prod(sizes[name] for name in self.names)


Dims = tuple[Dim | None, ...]
"""Sizes of the axes of a tensor, or integers of a vector; None for an unknown one that does not
depend on the batch."""

BATCH_NAME = "\0batch"
"""A name that no dimension of a model has, because strings of C end at this character."""

BATCH = Dim(1, (BATCH_NAME,))
ONE = Dim(1)


def multiply(sizes: Iterable[Dim | None]) -> Dim | None:
    """Return the product; None if a factor is unknown, or if two have the batch."""
    product = ONE
    for size in sizes:
        if size is None:
            return None
        names = tuple(sorted(product.names + size.names))
        product = Dim(product.number * size.number, names)
    if product.names.count(BATCH_NAME) > 1:
        return None
    return product if product.number else Dim(0)


def divide(a: Dim | None, b: Dim | None) -> Dim | None:
    """Return the quotient of two sizes, or None if it is not a size, or unknown."""
    if a is None or b is None or b.number <= 0 or a.number % b.number:
        return None
    names = Counter(a.names)
    names.subtract(b.names)
    if min(names.values(), default=0) < 0:
        return None
    return Dim(a.number // b.number, tuple(sorted(names.elements())))
