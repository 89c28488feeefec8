"""Quantiles, sums and error statistics of streamed values, independent of their order."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ErrorStatistics", "Sketch", "Total"]

RATIO = 1.02
"""Upper end of a bin divided by its lower end; its middle is within 1 % of all its values."""

_STEP = math.log(RATIO)
_LOWEST = math.floor(math.log(5e-324) / _STEP) - 1
_BINS = math.ceil(math.log(sys.float_info.max) / _STEP) - _LOWEST + 2


class Sketch:
    """Counts of nonnegative values in bins of a fixed ratio.

    Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
    guarantees", PVLDB 12, 2019.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)
        self._zeros = self._infinite = self._nan = 0

    def add(self, values: npt.NDArray[np.floating[Any]]) -> None:
        """Count ``values``, an array of any shape without negative values."""
        finite = values[np.isfinite(values)]
        positive = finite[finite > 0].astype(np.float64)
        self._nan += int(np.isnan(values).sum())
        self._infinite += values.size - finite.size - int(np.isnan(values).sum())
        self._zeros += finite.size - positive.size
        keys = np.ceil(np.log(positive) / _STEP).astype(np.int64) - _LOWEST
        self._bins += np.bincount(keys, minlength=_BINS)

    def quantile(self, fraction: float) -> float:
        """Return the value that ``fraction`` of all values do not exceed, within 1 %.

        The result is NaN if there are no values or one of them is NaN.
        """
        total = self._zeros + int(self._bins.sum()) + self._infinite
        if self._nan or not total:
            return math.nan
        rank = max(math.ceil(fraction * total), 1)
        if rank <= self._zeros:
            return 0.0
        at = int(np.searchsorted(np.cumsum(self._bins), rank - self._zeros))
        if at == _BINS:
            return math.inf
        middle = (at + _LOWEST) * _STEP + math.log(2 / (RATIO + 1))
        return math.exp(min(middle, math.log(sys.float_info.max)))


class Total:
    """A sum that is independent of the order of the samples."""

    def __init__(self) -> None:
        self._sums: list[float] = []

    def add(self, rows: npt.NDArray[np.floating[Any]]) -> None:
        """Add the values of ``rows``, (samples, n), without negative values."""
        self._sums += rows.sum(1, dtype=np.float64).tolist()

    @property
    def value(self) -> float:
        """The sum, rounded once, or infinity if it is too large for a float."""
        try:
            return math.fsum(self._sums)
        except OverflowError:
            return math.inf


class ErrorStatistics:
    """Maximum, mean and 99th percentile of errors."""

    def __init__(self) -> None:
        self._largest, self._count = 0.0, 0
        self._total, self._sketch = Total(), Sketch()

    def add(self, rows: npt.NDArray[np.floating[Any]]) -> None:
        """Count the errors ``rows``, (samples, n), without negative values."""
        if rows.size:
            self._largest = float(np.maximum(self._largest, rows.max()))
            self._count += rows.size
            self._total.add(rows)
            self._sketch.add(rows)

    def summary(self) -> dict[str, float]:
        """Return ``max``, ``mean`` and ``p99``, which are NaN after a NaN or without errors."""
        if not self._count:
            return dict.fromkeys(("max", "mean", "p99"), math.nan)
        p99 = min(self._sketch.quantile(0.99), self._largest)
        return {"max": self._largest, "mean": self._total.value / self._count, "p99": p99}
