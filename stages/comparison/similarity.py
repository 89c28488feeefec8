"""What no single element shows of two outputs: direction, ratio of signal to noise, ranking."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.metrics.quantiles import Total

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

    Array = npt.NDArray[Any]

__all__ = ["Resemblance"]

TOP = 5
"""How many of the highest values are compared as a set, where there are more."""


class Resemblance:
    """The running comparison of one floating-point output."""

    def __init__(self) -> None:
        self._signal, self._noise = Total(), Total()
        self._samples = self._rankings = self._same_first = self._same_top = 0
        self._cosine, self._has_top = 1.0, False

    def add(self, expected: Array, found: Array) -> None:
        """Compare two arrays of the same shape, which is (samples, …) or empty: one number."""
        rows = len(expected) if expected.ndim else 1
        a, b = (one.reshape(rows, -1).astype(np.float64) for one in (expected, found))
        self._signal.add(a * a)
        self._noise.add(np.where(a == b, 0.0, a - b) ** 2)
        if expected.ndim >= 2:
            self._samples += rows
            self._cosine = float(np.minimum(self._cosine, _lowest_cosine(a, b)))
            if expected.shape[-1] >= 2:
                self._rank(*(one.reshape(-1, one.shape[-1]) for one in (expected, found)))

    def _rank(self, expected: Array, found: Array) -> None:
        known = ~(np.isnan(expected) | np.isnan(found)).any(1)
        self._rankings += len(expected)
        self._same_first += int((known & (expected.argmax(1) == found.argmax(1))).sum())
        if expected.shape[1] > TOP:
            same = (_highest(expected) == _highest(found)).all(1)
            self._same_top += int((known & same).sum())
            self._has_top = True

    def metrics(self) -> Metrics:
        """Return the figures by name."""
        ratio = _decibels(self._signal.value, self._noise.value)
        figures: Metrics = {"sqnr_db": Metric(ratio, "dB")}
        if self._samples:
            figures["cosine"] = Metric(self._cosine, note="lowest of all samples")
        if self._rankings:
            share = 100 * self._same_first / self._rankings
            figures["argmax"] = Metric(share, "%", note="same highest value")
        if self._has_top:
            share = 100 * self._same_top / self._rankings
            figures[f"top{TOP}"] = Metric(share, "%", note=f"same {TOP} highest values")
        return figures


def _lowest_cosine(a: Array, b: Array) -> float:
    """Return the lowest cosine of the angle between corresponding rows of two (samples, n).

    It is taken from the length of u - v for unit vectors u and v, which is exact for equal ones
    and keeps the digits that matter close to 1. Two vectors of zeros point the same way.
    """
    u, v = _units(a), _units(b)
    between = 1 - ((u - v) ** 2).sum(1) / 2
    return float(np.where(u.any(1) != v.any(1), 0.0, between).min())


def _units(rows: Array) -> Array:
    """Divide each row by its length; by its largest element first, lest the squares overflow."""
    rows = _divided(rows, np.abs(rows).max(1))
    return _divided(rows, np.sqrt((rows * rows).sum(1)))


def _divided(rows: Array, sizes: Array) -> Array:
    return rows / np.where(sizes == 0, 1.0, sizes)[:, None]


def _highest(rows: Array) -> Array:
    return np.sort(np.argpartition(-rows, TOP, axis=1)[:, :TOP], axis=1)


def _decibels(signal: float, noise: float) -> float:
    """Return the ratio of signal to noise, both sums of squares: infinite without noise."""
    if math.isnan(signal) or math.isnan(noise):
        return math.nan
    if noise == 0:
        return math.inf
    if signal == 0 or math.isinf(noise):
        return -math.inf
    return 10 * (math.log10(signal) - math.log10(noise)) if signal < math.inf else math.inf
