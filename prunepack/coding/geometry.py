"""How the elements of a chunk lie in the rows and the kernels of their tensors."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.coding.dtypes import DType

__all__ = ["Run", "Shapes"]


class Run(NamedTuple):
    """Consecutive items of one tensor.

    Attributes:
        size: How many.
        start: Index of the first in its tensor.
        row: Items of a row, at most ``size``.
        kernel: Items of a filter's kernel, of which a row has a whole number; 1 if none.
    """

    size: int
    start: int
    row: int
    kernel: int


class Shapes:
    """The shapes of a pool's tensors, end to end.

    Args:
        shapes: One per tensor, in the order of the pool.
        dtype: Their element type; elements that share an item have no rows of their own.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], dtype: DType) -> None:
        self._lies = [_lie(shape, dtype) for shape in shapes]
        self._ends = list(accumulate(items for items, _, _ in self._lies))

    def runs(self, first: int, stop: int) -> Iterator[Run]:
        """Yield the runs of the pool's items from ``first`` to ``stop``."""
        index = bisect_right(self._ends, first)
        while first < stop:
            items, row, kernel = self._lies[index]
            start = first - (self._ends[index] - items)
            size = min(self._ends[index], stop) - first
            if size:
                yield Run(size, start, *((row, kernel) if row <= size else (size, 1)))
            first += size
            index += 1


def _lie(shape: tuple[int, ...], dtype: DType) -> tuple[int, int, int]:
    """Return the number of items, of items in a row, and of items in a kernel of a row.

    A row is what the first index selects: of a weight (output, input, *kernel*), one output.
    """
    elements = kernel = 1
    for size in shape:
        elements *= size
    for size in shape[2:]:
        kernel *= size
    items = dtype.items(elements)
    if dtype.packed > 1 or len(shape) < 2 or not items:
        return items, max(items, 1), 1
    return items, elements // shape[0], kernel
