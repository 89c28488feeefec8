"""Error between two tensors: element by element, and its statistics over batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.comparison.similarity import Similarity
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.metrics.quantiles import ErrorStatistics

if TYPE_CHECKING:
    from prunepack.stages.comparison.tolerances import AllowedError
    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.metrics.metric import Metrics

__all__ = [
    "Deviation",
    "TensorError",
    "compare_tensors",
    "compute_tolerance",
    "describe_shared",
]

Index = tuple[int, ...]


def compute_tolerance(expected: Array, actual: Array) -> tuple[float, Index]:
    """Return the smallest t with ``|expected - actual| <= t + t * |expected|``, and its element.

    This is numpy's ``allclose`` with atol = rtol = t. The result is NaN if any element of either
    array is NaN, and where infinities differ; the error between equal infinities is 0.

    Args:
        expected: Array of any shape and numeric dtype.
        actual: Array of the same shape.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return _find_worst(*_compute_errors(expected, actual))


def _compute_errors(expected: Array, actual: Array) -> tuple[Array, Array]:
    """Return ``|expected - actual|`` and ``|expected|`` in float64 or wider."""
    wide = np.result_type(expected.dtype, np.float64)
    a, b = expected.astype(wide), actual.astype(wide)
    errors = np.where(expected == actual, 0.0, np.abs(a - b))
    if expected.dtype.kind in "iu":  # neighbours among large integers are equal in float64
        errors = np.maximum(errors, expected != actual)
    return errors, np.abs(a)


def _find_worst(errors: Array, sizes: Array) -> tuple[float, Index]:
    if errors.size == 0:
        return 0.0, ()
    tolerances = np.where(errors == 0, 0.0, errors / (1 + sizes))
    index = np.unravel_index(int(np.argmax(tolerances)), errors.shape)  # the first NaN, if any
    return float(tolerances[index]), tuple(int(axis) for axis in index)


class Deviation:
    """Error statistics of one output over batches.

    Args:
        name: The output's name.
        allowed: The error that the comparison allows.

    Attributes:
        values: The number of compared elements, without those that neither array has as a number.
        shared_nonfinite: The number of NaN and infinities that both arrays have at one index.
        beyond_tolerance: The number of elements with a larger error than allowed, NaN included.
        nonfinite: The number of NaN and infinities on either side, except allowed ones.
        tolerance: The smallest tolerance that would pass; NaN if an element is NaN.
        worst_element: The worst element: its index, both values and the name of the inputs.
    """

    def __init__(self, name: str, allowed: AllowedError) -> None:
        self.name, self.allowed = name, allowed
        self.values = self.shared_nonfinite = self.beyond_tolerance = self.nonfinite = 0
        self.tolerance, self.worst_element = -1.0, ""
        self._absolute, self._relative = ErrorStatistics(), ErrorStatistics()
        self._similarity: Similarity | None = None

    def add(self, expected: Array, actual: Array, first: int = 0, inputs: str = "") -> None:
        """Compare two arrays of the same shape and dtype.

        Args:
            expected: (samples, …), or any other shape.
            actual: An array of the same shape.
            first: The index of the first sample among all samples of these inputs.
            inputs: The name of the inputs.
        """
        if not expected.size:
            return
        shared = _find_shared_nonfinite(expected, actual)
        self.shared_nonfinite += int(shared.sum())
        self.values += int((~shared).sum())
        if self.allowed.nonfinite:
            expected, actual = _set_zero(expected, shared), _set_zero(actual, shared)
        self.nonfinite += int((~np.isfinite(expected) | ~np.isfinite(actual)).sum())
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            errors, sizes = _compute_errors(expected, actual)
            tolerance, index = _find_worst(errors, sizes)
            if self._is_worse(tolerance):
                self.tolerance = tolerance
                self.worst_element = _describe(self.name, expected, actual, index, first, inputs)
            self.beyond_tolerance += self._count_beyond(errors, sizes)
            self._add_statistics(expected, actual, errors, sizes)

    def _is_worse(self, tolerance: float) -> bool:
        return math.isnan(tolerance) or (
            not math.isnan(self.tolerance) and tolerance > self.tolerance
        )

    def _count_beyond(self, errors: Array, sizes: Array) -> int:
        threshold = self.allowed.atol + self.allowed.rtol * sizes
        within = (errors == 0) | (np.isfinite(errors) & (errors <= threshold))
        return int((~within).sum())

    def _add_statistics(self, expected: Array, actual: Array, errors: Array, sizes: Array) -> None:
        rows = len(errors) if errors.ndim else 1
        self._absolute.add(errors.reshape(rows, -1))
        self._relative.add(np.where(errors == 0, 0.0, errors / sizes).reshape(rows, -1))
        if expected.dtype.kind == "f":
            self._similarity = self._similarity or Similarity()
            self._similarity.add(expected, actual)

    def metrics(self, prefix: str) -> Metrics:
        """Return the metrics by name, each starting with ``prefix``."""
        rule = f"atol {self.allowed.atol:g}, rtol {self.allowed.rtol:g}"
        tolerance = self.tolerance if self.values else math.nan
        metrics: Metrics = {
            "values": Metric(self.values, "values"),
            "nonfinite": Metric(
                self.nonfinite, "values", note=describe_shared(self.shared_nonfinite)
            ),
            "tolerance": Metric(tolerance, note=self.worst_element),
            "beyond_tolerance": Metric(self.beyond_tolerance, "values", note=rule),
        }
        for kind, errors in (("absolute", self._absolute), ("relative", self._relative)):
            metrics |= {f"{name}_{kind}": Metric(v) for name, v in errors.summary().items()}
        metrics |= self._similarity.metrics() if self._similarity else {}
        return {f"{prefix}.{name}": metric for name, metric in metrics.items()}


def describe_shared(count: int) -> str:
    """Return the note on elements that are not finite in both forms."""
    return f"{count:,} values are NaN or infinite in both forms" if count else ""


def _find_shared_nonfinite(expected: Array, actual: Array) -> Array:
    """Return where both arrays are NaN, or the same infinity."""
    both_nan = np.isnan(expected) & np.isnan(actual)
    shared: Array = both_nan | (np.isinf(expected) & (expected == actual))
    return shared


def _set_zero(array: Array, where: Array) -> Array:
    return np.where(where, np.zeros((), array.dtype), array) if where.any() else array


def _describe(name: str, a: Array, b: Array, index: Index, first: int, inputs: str) -> str:
    place = ", ".join(map(str, (first + index[0], *index[1:]) if index else ()))
    text = f"{name}[{place}]: {a[index]:.9g} and {b[index]:.9g}"
    return f"{text} ({inputs})" if inputs else text


@dataclass(frozen=True, slots=True)
class TensorError:
    """Error between two tensors.

    Attributes:
        tolerance: The smallest tolerance that would pass; infinity where none would.
        dtype: The dtype that limits the precision: the narrower of two of the same kind.
        note: The worst element with its index and both values, or why a comparison is impossible.
        size: The size in bytes.
    """

    tolerance: float
    dtype: str
    note: str = ""
    size: int = 0


def compare_tensors(expected: object, actual: object) -> TensorError:
    """Compare two tensors, or two sequences of tensors; NaN equals NaN.

    Floating-point tensors of two widths are compared by value.
    """
    if isinstance(expected, list) and isinstance(actual, list):
        return _compare_sequences(expected, actual)
    a, b = np.asarray(expected), np.asarray(actual)
    dtype = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize).name
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        shapes = f"{a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
        return TensorError(math.inf, dtype, shapes, a.nbytes)
    if a.dtype.kind not in "fiub":
        tolerance = 0.0 if np.array_equal(a, b) else math.inf
        return TensorError(tolerance, dtype, "other values", a.nbytes)
    return _compare_numbers(a, b, dtype)


def _compare_sequences(expected: list[object], actual: list[object]) -> TensorError:
    if len(expected) != len(actual):
        return TensorError(math.inf, "", f"{len(expected)} and {len(actual)} tensors")
    errors = [compare_tensors(x, y) for x, y in zip(expected, actual, strict=True)]
    return max(errors, key=lambda error: error.tolerance, default=TensorError(0.0, ""))


def _compare_numbers(a: Array, b: Array, dtype: str) -> TensorError:
    if a.dtype.kind == "f":
        both_nan = np.isnan(a) & np.isnan(b)
        a, b = np.where(both_nan, 0, a), np.where(both_nan, 0, b)
    tolerance, index = compute_tolerance(a, b)
    note = _describe("", a, b, index, 0, "") if a.size else ""
    return TensorError(math.inf if math.isnan(tolerance) else tolerance, dtype, note, a.nbytes)
