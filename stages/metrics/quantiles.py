"""Quantiles, sums and error statistics of streamed values, independent of their order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ErrorStatistics", "Sketch", "Total"]

RATIO = 1.02
"""Upper end of a bin divided by its lower end; its middle is within 1 % of all its values."""

_STEP = math.log(RATIO)
_LOWEST = math.floor(math.log(5e-324) / _STEP) - 1
_LARGEST = math.log(np.finfo(np.float64).max)
_BINS = math.ceil(_LARGEST / _STEP) - _LOWEST + 2
"""Zeros are in the first bin and infinite values in the last one."""


class Sketch:
    """Counts of nonnegative values in bins of a fixed ratio.

    Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
    guarantees", PVLDB 12, 2019.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)
        self._has_nan = False

    def add(self, values: npt.NDArray[np.floating[Any]]) -> None:
        """Count ``values``, an array of any shape without negative values."""
        positive = values[(values > 0) & np.isfinite(values)].astype(np.float64)
        keys = np.ceil(np.log(positive) / _STEP).astype(np.int64) - _LOWEST
        self._bins += np.bincount(keys, minlength=_BINS)
        self._bins[0] += np.count_nonzero(values == 0)
        self._bins[-1] += np.count_nonzero(np.isinf(values))
        self._has_nan |= bool(np.isnan(values).any())

    def quantile(self, fraction: float) -> float:
        """Return the value that ``fraction`` of all values do not exceed, within 1 %.

        The result is NaN if there are no values or one of them is NaN.
        """
        total = int(self._bins.sum())
        if self._has_nan or not total:
            return math.nan
        rank = max(math.ceil(fraction * total), 1)
        at = int(np.searchsorted(np.cumsum(self._bins), rank))
        if at in {0, _BINS - 1}:
            return math.inf if at else 0.0
        middle = (at + _LOWEST) * _STEP + math.log(2 / (RATIO + 1))
        return math.exp(min(middle, _LARGEST))


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
