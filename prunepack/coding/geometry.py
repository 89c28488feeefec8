"""Rows and kernels of tensors, as the elements of a chunk are part of them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.coding.dtypes import DType

__all__ = ["ElementSpan", "Shapes"]


class ElementSpan(NamedTuple):
    """Consecutive items of one tensor.

    Attributes:
        size: Number of items.
        start: Index of the first item in its tensor.
        row: Items of a row, at most ``size``.
        kernel_size: Items of a convolution's kernel, a divisor of ``row``; 1 if there is none.
    """

    size: int
    start: int
    row: int
    kernel_size: int


class Shapes:
    """The shapes of a pool's tensors, end to end.

    Args:
        shapes: One shape per tensor, in the order of the pool.
        dtype: Their element type. Elements that share an item have no rows of their own.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], dtype: DType) -> None:
        self._extents = [_measure(shape, dtype) for shape in shapes]
        self._ends = list(accumulate(items for items, _, _ in self._extents))

    def spans(self, first: int, stop: int) -> Iterator[ElementSpan]:
        """Yield the element spans of the pool's items from ``first`` to ``stop``."""
        index = bisect_right(self._ends, first)
        while first < stop:
            items, row, kernel_size = self._extents[index]
            start = first - (self._ends[index] - items)
            size = min(self._ends[index], stop) - first
            if size:
                yield ElementSpan(size, start, *((row, kernel_size) if row <= size else (size, 1)))
            first += size
            index += 1


def _measure(shape: tuple[int, ...], dtype: DType) -> tuple[int, int, int]:
    """Return the number of items of a tensor, of one of its rows, and of a kernel in a row.

    The first index selects a row. In a weight (output, input, *kernel), a row is one output.
    """
    elements = kernel_size = 1
    for size in shape:
        elements *= size
    for size in shape[2:]:
        kernel_size *= size
    items = dtype.items(elements)
    if dtype.packed > 1 or len(shape) < 2 or not items:
        return items, max(items, 1), 1
    return items, elements // shape[0], kernel_size
