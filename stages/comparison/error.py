"""How far one output of two programs is apart, and whether that is allowed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.similarity import Resemblance
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.metrics.quantiles import Errors

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.comparison.tolerances import Allowed
    from prunepack.stages.metrics.metric import Metrics

    Array = npt.NDArray[Any]

__all__ = ["Deviation", "tolerance"]


def tolerance(expected: Array, found: Array) -> tuple[float, tuple[int, ...]]:
    """Return the smallest t with ``|expected - found| <= t + t * |expected|``, and the worst place.

    That is numpy's ``allclose`` with atol = rtol = t. It is NaN if any element of either is NaN,
    and where infinities differ; equal infinities are 0 apart.

    Args:
        expected: Array of any shape and numeric dtype.
        found: Array of the same shape.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return _worst(*_distances(expected, found))


def _distances(expected: Array, found: Array) -> tuple[Array, Array]:
    """Return ``|expected - found|`` and ``|expected|`` in float64 or wider."""
    wide = np.result_type(expected.dtype, np.float64)
    a, b = expected.astype(wide), found.astype(wide)
    apart = np.where(expected == found, 0.0, np.abs(a - b))
    if expected.dtype.kind in "iu":  # neighbours among large integers are one number in float64
        apart = np.maximum(apart, expected != found)
    return apart, np.abs(a)


def _worst(apart: Array, size: Array) -> tuple[float, tuple[int, ...]]:
    if apart.size == 0:
        return 0.0, ()
    smallest = np.where(apart == 0, 0.0, apart / (1 + size))
    where = np.unravel_index(int(np.argmax(smallest)), apart.shape)  # the first NaN, if any
    return float(smallest[where]), tuple(int(index) for index in where)


class Deviation:
    """The running comparison of one output.

    Args:
        name: The output's name.
        allowed: How far it may be apart.

    Attributes:
        values: Elements compared.
        beyond: Elements further apart than allowed; NaN is.
        nonfinite: NaN and infinities on either side, less those that are allowed.
        tolerance: The smallest tolerance that would have passed; NaN if one element is.
        place: The worst element: its index, the two values, the kind of input.
    """

    def __init__(self, name: str, allowed: Allowed) -> None:
        self.name, self.allowed = name, allowed
        self.values = self.beyond = self.nonfinite = 0
        self.tolerance, self.place = -1.0, ""
        self._absolute, self._relative = Errors(), Errors()
        self._resemblance: Resemblance | None = None

    def add(self, expected: Array, found: Array, first: int = 0, case: str = "") -> None:
        """Compare two arrays of the same shape and dtype.

        Args:
            expected: (samples, …), or any other shape.
            found: The same.
            first: The index of the first sample among all of its case.
            case: What the input was.
        """
        if not expected.size:
            return
        self.values += expected.size
        if self.allowed.nonfinite:
            expected, found = _without_shared_nonfinite(expected, found)
        self.nonfinite += int((~np.isfinite(expected) | ~np.isfinite(found)).sum())
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            apart, size = _distances(expected, found)
            worst, where = _worst(apart, size)
            if math.isnan(worst) or (not math.isnan(self.tolerance) and worst > self.tolerance):
                self.tolerance = worst
                self.place = _place(self.name, expected, found, where, first, case)
            bound = self.allowed.atol + self.allowed.rtol * size
            within = (apart == 0) | (np.isfinite(apart) & (apart <= bound))
            self.beyond += int((~within).sum())
            self._add_errors(expected, found, apart, size)

    def _add_errors(self, expected: Array, found: Array, apart: Array, size: Array) -> None:
        rows = len(apart) if apart.ndim else 1
        self._absolute.add(apart.reshape(rows, -1))
        self._relative.add(np.where(apart == 0, 0.0, apart / size).reshape(rows, -1))
        if expected.dtype.kind == "f":
            self._resemblance = self._resemblance or Resemblance()
            self._resemblance.add(expected, found)

    def metrics(self, prefix: str) -> Metrics:
        """Return the figures by name, each starting with ``prefix``."""
        limits = f"atol {self.allowed.atol:g}, rtol {self.allowed.rtol:g}"
        figures: Metrics = {
            "values": Metric(self.values, "values"),
            "nonfinite": Metric(self.nonfinite, "values"),
            "tolerance": Metric(self.tolerance if self.values else math.nan, note=self.place),
            "beyond_tolerance": Metric(self.beyond, "values", note=limits),
        }
        for kind, errors in (("absolute", self._absolute), ("relative", self._relative)):
            figures |= {f"{name}_{kind}": Metric(v) for name, v in errors.figures().items()}
        figures |= self._resemblance.metrics() if self._resemblance else {}
        return {f"{prefix}.{name}": one for name, one in figures.items()}


def _without_shared_nonfinite(expected: Array, found: Array) -> tuple[Array, Array]:
    """Replace NaN and infinities that both have in the same place by zeros."""
    both_nan = np.isnan(expected) & np.isnan(found)
    shared = both_nan | (np.isinf(expected) & (expected == found))
    zero = np.zeros((), expected.dtype)
    return np.where(shared, zero, expected), np.where(shared, zero, found)


def _place(name: str, a: Array, b: Array, where: tuple[int, ...], first: int, case: str) -> str:
    index = ", ".join(map(str, (first + where[0], *where[1:]) if where else ()))
    return f"{name}[{index}]: {a[where]:.9g} and {b[where]:.9g}" + (f" ({case})" if case else "")
