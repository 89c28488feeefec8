"""Search for the values of a weight among the constants of a graph."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from prunepack.stages.contract.arrays import Array

__all__ = ["ConstantIndex"]

SEED = 20
"""Seed of the odd numbers by which fingerprints weigh the elements of a row."""

SAMPLE = 64
"""Elements that are compared before the whole of two arrays."""


class ConstantIndex:
    """Arrays that can be asked for a weight: as it is, transposed, reshaped, cast or in parts.

    Args:
        arrays: The constants of a graph.
    """

    def __init__(self, arrays: Iterable[Array]) -> None:
        self.arrays = [array for array in arrays if array.dtype.kind == "f" and array.size > 1]
        self.sums: dict[tuple[str, int, int], list[Array]] = {}
        for array in self.arrays:
            self.sums.setdefault(_sum_bits(array), []).append(array)
        self.dtypes = {array.dtype for array in self.arrays}
        self._rows: dict[tuple[str, int], npt.NDArray[np.uint64]] = {}

    def has(self, weight: Array) -> bool:
        """Return whether the constants hold all values of a weight, row by row at least."""
        return any(
            any(_is_rearranged(form, array) for array in self.sums.get(_sum_bits(form), ()))
            or self._has_rows(form)
            for form in self._cast(weight)
        )

    def _cast(self, weight: Array) -> Iterator[Array]:
        """Yield the weight in its own dtype, then in those of the constants."""
        yield weight
        with np.errstate(over="ignore", under="ignore"):
            yield from (weight.astype(dtype) for dtype in self.dtypes - {weight.dtype})

    def _has_rows(self, weight: Array) -> bool:
        """Return whether each row of a weight is a row or a column of a constant."""
        rows = weight.reshape(len(weight), -1)
        key = str(weight.dtype), rows.shape[1]
        if rows.shape[1] < 2:
            return False
        if key not in self._rows:
            found = [
                _fingerprint(lines)
                for array in self.arrays
                if array.dtype == weight.dtype
                for lines in _list_lines(array, rows.shape[1])
            ]
            self._rows[key] = np.concatenate([np.zeros(0, np.uint64), *found])
        return bool(np.isin(_fingerprint(rows), self._rows[key]).all())


def _sum_bits(array: Array) -> tuple[str, int, int]:
    """Return a key that any order of the elements has in common."""
    bits = _view_bits(np.ascontiguousarray(array).reshape(-1))
    return str(array.dtype), array.size, int(bits.sum(dtype=np.uint64))


def _view_bits(array: Array) -> Array:
    return array.view(f"u{array.dtype.itemsize}")


def _is_rearranged(weight: Array, array: Array) -> bool:
    """Return whether an array is the weight with its axes in some order, in any shape."""
    flat = _view_bits(array.reshape(-1))
    bits = _view_bits(np.ascontiguousarray(weight))
    for order in permutations(range(weight.ndim)):
        turned = bits.transpose(order)
        if np.array_equal(turned.flat[:SAMPLE], flat[:SAMPLE]) and np.array_equal(
            turned.reshape(-1), flat
        ):
            return True
    return False


def _list_lines(array: Array, width: int) -> Iterator[Array]:
    """Yield the rows of this width in an array, and its columns."""
    if array.size % width == 0:
        yield array.reshape(-1, width)
    if array.ndim == 2 and len(array) == width:
        yield array.T


def _fingerprint(rows: Array) -> npt.NDArray[np.uint64]:
    """Return a number for each row, by the bits and the order of its elements."""
    factors = np.random.default_rng(SEED).integers(1, 2**63, rows.shape[1], np.uint64) | 1
    bits = _view_bits(np.ascontiguousarray(rows)).astype(np.uint64)
    mixed: npt.NDArray[np.uint64] = ((bits ^ (bits >> 15)) * factors).sum(axis=1, dtype=np.uint64)
    return mixed
