"""Whole-tensor similarity: SQNR, cosine, agreement of the highest values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.metrics.quantiles import Total

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Similarity"]

TOP = 5
"""The number of highest values that are compared as a set, where there are more values."""


class Similarity:
    """Similarity of one floating-point output over batches."""

    def __init__(self) -> None:
        self._signal, self._error, self._cosines = Total(), Total(), Total()
        self._samples = self._rankings = self._same_first = self._same_top = 0
        self._cosine, self._has_top = 1.0, False

    def add(self, expected: Array, actual: Array) -> None:
        """Compare two arrays of the same shape: (samples, …), or () for a single number."""
        rows = len(expected) if expected.ndim else 1
        a, b = (array.reshape(rows, -1).astype(np.float64) for array in (expected, actual))
        self._signal.add(a * a)
        self._error.add(np.where(a == b, 0.0, a - b) ** 2)
        if expected.ndim >= 2:
            self._samples += rows
            cosines = _compute_cosines(a, b)
            self._cosines.add(cosines[:, None])
            self._cosine = float(np.minimum(self._cosine, cosines.min()))
            if expected.shape[-1] >= 2:
                self._rank(*(array.reshape(-1, array.shape[-1]) for array in (expected, actual)))

    def _rank(self, expected: Array, actual: Array) -> None:
        known = ~(np.isnan(expected) | np.isnan(actual)).any(1)
        self._rankings += len(expected)
        self._same_first += int((known & (expected.argmax(1) == actual.argmax(1))).sum())
        if expected.shape[1] > TOP:
            same = (_top_indices(expected) == _top_indices(actual)).all(1)
            self._same_top += int((known & same).sum())
            self._has_top = True

    def metrics(self) -> Metrics:
        """Return the metrics by name."""
        ratio = _compute_decibels(self._signal.value, self._error.value)
        metrics: Metrics = {"sqnr_db": Metric(ratio, "dB")}
        if self._samples:
            metrics["cosine"] = Metric(self._cosine, note="lowest of all samples")
            metrics["mean_cosine"] = Metric(self._cosines.value / self._samples)
        if self._rankings:
            percent = 100 * self._same_first / self._rankings
            metrics["argmax"] = Metric(percent, "%", note="same highest value")
        if self._has_top:
            percent = 100 * self._same_top / self._rankings
            metrics[f"top{TOP}"] = Metric(percent, "%", note=f"same {TOP} highest values")
        return metrics


def _compute_cosines(a: Array, b: Array) -> Array:
    """Return the cosine of the angle between corresponding rows of two (samples, n).

    The length of u - v for unit vectors u and v gives the cosine. It is exact for equal vectors
    and keeps the digits that matter close to 1. Two zero vectors have the same direction.
    """
    u, v = _normalize(a), _normalize(b)
    cosine = 1 - ((u - v) ** 2).sum(1) / 2
    return np.where(u.any(1) != v.any(1), 0.0, cosine)


def _normalize(rows: Array) -> Array:
    """Divide each row by its largest element, so that no square overflows, then by its length."""
    for order in (np.inf, 2):
        sizes = np.linalg.norm(rows, order, axis=1, keepdims=True)
        rows = rows / np.where(sizes == 0, 1.0, sizes)
    return rows


def _top_indices(rows: Array) -> Array:
    return np.sort(np.argpartition(-rows, TOP, axis=1)[:, :TOP], axis=1)


def _compute_decibels(signal: float, error: float) -> float:
    """Return the ratio of two energies in dB: infinity without an error."""
    if math.isnan(signal) or math.isnan(error):
        return math.nan
    if error == 0:
        return math.inf
    if signal == 0 or math.isinf(error):
        return -math.inf
    return 10 * (math.log10(signal) - math.log10(error)) if signal < math.inf else math.inf
