"""Best constant answer: the metric of a model that ignores its inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.data.labels import IGNORED, LabelReader
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunepack.stages.contract.arrays import Array

__all__ = ["ConstantAnswer"]


FORMS = ("dense", "pruned", "onnx", "artifact")


class ConstantAnswer:
    """Statistics of labels, from which the value of the best constant answer follows."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: Array | None = None
        self._squares: Array | None = None

    def add(self, truth: Array, reader: LabelReader, classes: int) -> None:
        """Add the labels of a batch.

        Args:
            truth: Labels as the reader gives them.
            reader: Their reading.
            classes: The number of classes.
        """
        if reader.kind == "classes":
            kept = truth[truth != IGNORED]
            self._add(kept.size, np.bincount(kept.ravel(), minlength=classes), None)
            return
        columns = truth.shape[1] if truth.ndim > 1 else 1
        values = np.moveaxis(truth.reshape(len(truth), columns, -1), 1, -1).reshape(-1, columns)
        values = values.astype(np.float64)
        self._add(len(values), values.sum(0), (values**2).sum(0))

    def _add(self, count: int, sums: Array, squares: Array | None) -> None:
        self._count += count
        self._sums = sums if self._sums is None else self._sums + sums
        if squares is not None:
            self._squares = squares if self._squares is None else self._squares + squares

    def compare(
        self, group: str, metrics: Metrics, name: str, kind: str, *, is_error: bool
    ) -> Metrics:
        """Return the advantage of the best form over the best constant answer."""
        sign = -1 if is_error else 1
        forms = [form for form in FORMS if f"{group}.{form}" in metrics]
        form = max(forms, key=lambda form: _rank(sign * metrics[f"{group}.{form}"].value))
        metric, value = metrics[f"{group}.{form}"], self._value(name, kind)
        ends = (metric.value, metric.low, metric.high)
        gains = [sign * (end - value) for end in ends if end is not None and value is not None]
        if not gains or value is None:
            return {}
        unit = "points" if metric.unit == "%" else ""
        note = f"{form} against the best constant answer, which has {value:.4g}"
        gain = Metric(gains[0], unit, min(gains), max(gains), note)
        return {f"{group}.over_constant": gain}

    def _value(self, name: str, kind: str) -> float | None:
        """Return the metric of the best constant answer; None if it is not known."""
        table = CLASSES if kind == "classes" else VALUES
        if name not in table or self._sums is None or not self._count:
            return None
        squares = self._sums if self._squares is None else self._squares
        return float(table[name](self._sums / self._count, squares / self._count))


def _rank(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _fraction_of(most: int) -> Callable[[Array, Array], float]:
    return lambda shares, _: 100 * float(np.sort(shares)[-most:].sum())


def _over_classes(
    constant: Callable[[float], float], drawn: Callable[[Array], Array]
) -> Callable[[Array, Array], float]:
    """Return the mean over classes of the most frequent one, or of drawn ones if it is higher."""

    def score(shares: Array, _squares: Array) -> float:
        occurring = shares[shares > 0]
        most = constant(float(shares.max())) / len(occurring)
        return max(most, float(drawn(occurring).mean()))

    return score


def _deviation(means: Array, squares: Array) -> Array:
    return np.asarray(np.maximum(squares - means**2, 0))


CLASSES: Mapping[str, Callable[[Array, Array], float]] = {
    "accuracy": _fraction_of(1),
    "top5": _fraction_of(5),
    "f1": _over_classes(lambda share: 2 * share / (1 + share), lambda shares: shares),
    "iou": _over_classes(lambda share: share, lambda shares: shares / (2 - shares)),
}
"""Value of the best constant class, or of classes drawn by their frequencies, by these."""

VALUES: Mapping[str, Callable[[Array, Array], float]] = {
    "accuracy": lambda means, _: 100 * float(np.maximum(means, 1 - means).mean()),
    "f1": lambda means, _: float((2 * means / (1 + means)).mean()),
    "iou": lambda means, _: float(means.mean()),
    "mae": lambda means, squares: float(np.sqrt(_deviation(means, squares)).mean()),
    "mse": lambda means, squares: float(_deviation(means, squares).mean()),
    "pearson": lambda *_: 0.0,
}
"""Value of the best constant per column, by mean and mean square; of mae an upper bound."""
