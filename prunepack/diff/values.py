"""Size of the change between the elements of two tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.coding.narrow_types import numbers, split
from prunepack.coding.near_zeros import NearZeros, count_near_zeros, sum_near_zeros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.coding.dtypes import Array
    from prunepack.diff.content import TensorSpec

__all__ = ["ValueChange", "align_pieces", "compare_values"]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """Change of the elements of one tensor; a zero is an element whose bits are all zero.

    Attributes:
        spec: Type and shape of the tensor.
        changed: Number of elements with other bits.
        largest: Largest absolute difference of changed elements that are not NaN; 0 if there are
            none. Exact for integers, in ``float64`` for floats.
        largest_at: Index of that element in C order, or None if there is none.
        relative: Euclidean norm of all finite differences, divided by the norm of the former
            finite elements; None if the result is not finite.
        nan: Number of changed elements that are NaN in one of the tensors.
        zeros_before: Number of zeros in the former tensor.
        zeros_after: Number of zeros in the new tensor.
        newly_zero: Number of elements that became zero.
        revived: Number of elements that are no longer zero.
        negative_zeros_before: Number of elements that are -0.0 in the former tensor.
        negative_zeros_after: Number of elements that are -0.0 in the new tensor.
        denormals_before: Number of denormals in the former tensor; float16 has none that count.
        denormals_after: Number of denormals in the new tensor.
    """

    spec: TensorSpec
    changed: int
    largest: float
    largest_at: int | None
    relative: float | None
    nan: int
    zeros_before: int
    zeros_after: int
    newly_zero: int
    revived: int
    negative_zeros_before: int
    negative_zeros_after: int
    denormals_before: int
    denormals_after: int


def compare_values(
    spec: TensorSpec, before: Iterable[Array], after: Iterable[Array]
) -> ValueChange:
    """Compare two tensors of one type and shape, one piece of each at a time.

    Args:
        spec: Type and shape of both.
        before: The former tensor in pieces of any size (1-D, of the carrier dtype).
        after: The new tensor in pieces, which may have other sizes.
    """
    tally = _Tally(spec)
    with np.errstate(over="ignore", invalid="ignore"):  # elements that are not finite are counted
        for left, right in align_pieces(before, after):
            tally.add(left, right)
    return tally.result()


def align_pieces(left: Iterable[Array], right: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
    """Yield pieces of two equally long arrays, divided at the borders of both."""
    rest_left, rest_right = ((part for part in side if part.size) for side in (left, right))
    a = b = np.empty(0)
    while True:
        a = a if a.size else next(rest_left, a)
        b = b if b.size else next(rest_right, b)
        size = min(a.size, b.size)
        if not size:
            return
        yield a[:size], b[:size]
        a, b = a[size:], b[size:]


class _Tally:
    """Running totals of a :class:`ValueChange`."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec, self._dtype = spec, spec.dtype
        self._seen = self._changed = self._nan = 0
        self._zeros_before = self._zeros_after = 0
        self._newly_zero = self._revived = 0
        self._near_zeros = [NearZeros(), NearZeros()]
        self._largest: float = 0
        self._largest_at: int | None = None
        self._difference = self._before = 0.0

    def add(self, left: Array, right: Array) -> None:
        """Count a piece of both tensors."""
        room = self._spec.elements - self._seen
        a, b = split(left, self._dtype)[:room], split(right, self._dtype)[:room]
        zero_a, zero_b = bits(a) == 0, bits(b) == 0
        self._zeros_before += int(np.count_nonzero(zero_a))
        self._zeros_after += int(np.count_nonzero(zero_b))
        self._newly_zero += int(np.count_nonzero(zero_b & ~zero_a))
        self._revived += int(np.count_nonzero(zero_a & ~zero_b))
        self._near_zeros = [
            sum_near_zeros([count, count_near_zeros(side, self._dtype.name)])
            for count, side in zip(self._near_zeros, (a, b), strict=True)
        ]
        places = np.flatnonzero(bits(a) != bits(b))
        self._changed += places.size
        self._before += _sum_squares(numbers(a, self._dtype))
        if places.size:
            x, y = numbers(a[places], self._dtype), numbers(b[places], self._dtype)
            self._add_numbers(places + self._seen, x, y)
        self._seen += a.size

    def _add_numbers(self, places: Array, x: Array, y: Array) -> None:
        nan = np.isnan(x) | np.isnan(y)
        self._nan += int(np.count_nonzero(nan))
        places, x, y = places[~nan], x[~nan], y[~nan]
        if not places.size:
            return
        distances = _subtract(x, y)
        self._difference += _sum_squares(distances)
        worst = int(distances.argmax())
        if self._largest_at is None or distances[worst] > self._largest:
            self._largest, self._largest_at = distances[worst].item(), int(places[worst])

    def result(self) -> ValueChange:
        """Return the totals."""
        relative = math.sqrt(self._difference / self._before) if self._before else math.inf
        return ValueChange(
            self._spec,
            self._changed,
            self._largest,
            self._largest_at,
            relative if math.isfinite(relative) else None,
            self._nan,
            self._zeros_before,
            self._zeros_after,
            self._newly_zero,
            self._revived,
            *(count.negative_zeros for count in self._near_zeros),
            *(count.denormals for count in self._near_zeros),
        )


def _subtract(x: Array, y: Array) -> Array:
    """Return absolute differences: unsigned integers for integers, else float64."""
    if x.dtype.kind == "f":
        return np.abs(x.astype(np.float64) - y.astype(np.float64))
    unsigned = f"<u{x.dtype.itemsize}"
    distances: Array = np.maximum(x, y).astype(unsigned) - np.minimum(x, y).astype(unsigned)
    return distances


def _sum_squares(values: Array) -> float:
    """Return the sum of the squares of the finite values."""
    wide = values.astype(np.float64)
    return float(np.square(wide[np.isfinite(wide)]).sum())
