"""By how much the elements of a tensor changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.coding.narrow_types import numbers, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.coding.dtypes import Array
    from prunepack.diff.content import TensorSpec

__all__ = ["ValueChange", "compare_values", "in_step"]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """How the elements of one tensor differ; a zero is an element whose bits are all zero.

    Attributes:
        spec: Its type and shape.
        changed: How many have other bits.
        largest: Largest absolute difference of changed elements, neither of them NaN; 0 if there
            are none. Exact for integers, in ``float64`` for floats.
        largest_at: Index of that element in C order, or None if there is none.
        relative: Euclidean norm of all finite differences, divided by the norm of the finite
            elements before; None if that is no finite number.
        nan: How many changed elements are NaN before or after.
        zeros_before: Zeros before.
        zeros_after: Zeros after.
        newly_zero: How many became zero.
        revived: How many ceased to be zero.
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


def compare_values(
    spec: TensorSpec, before: Iterable[Array], after: Iterable[Array]
) -> ValueChange:
    """Compare two tensors of one type and shape, holding no more than a piece of each.

    Args:
        spec: Type and shape of both.
        before: One tensor in pieces (1-D, of the carrier dtype), cut anywhere.
        after: The other, which may be cut elsewhere.
    """
    tally = _Tally(spec)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is looked for
        for left, right in in_step(before, after):
            tally.add(left, right)
    return tally.result()


def in_step(left: Iterable[Array], right: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
    """Yield pieces of two equally long arrays, cut where either of them was cut."""
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
    """Adds up what :class:`ValueChange` says."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec, self._dtype = spec, spec.dtype
        self._seen = self._changed = self._nan = 0
        self._zeros_before = self._zeros_after = 0
        self._newly_zero = self._revived = 0
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
        places = np.flatnonzero(bits(a) != bits(b))
        self._changed += places.size
        self._before += _squares(numbers(a, self._dtype))
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
        distances = _distances(x, y)
        self._difference += _squares(distances)
        worst = int(distances.argmax())
        if self._largest_at is None or distances[worst] > self._largest:
            self._largest, self._largest_at = distances[worst].item(), int(places[worst])

    def result(self) -> ValueChange:
        """Return what was counted."""
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
        )


def _distances(x: Array, y: Array) -> Array:
    """Return absolute differences: unsigned integers for integers, else float64."""
    if x.dtype.kind == "f":
        return np.abs(x.astype(np.float64) - y.astype(np.float64))
    unsigned = f"<u{x.dtype.itemsize}"
    distances: Array = np.maximum(x, y).astype(unsigned) - np.minimum(x, y).astype(unsigned)
    return distances


def _squares(values: Array) -> float:
    """Return the sum of the squares of the finite values."""
    wide = values.astype(np.float64)
    return float(np.square(wide[np.isfinite(wide)]).sum())
