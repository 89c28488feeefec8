"""Named metrics: sums over a sample, from which the value of any set of samples follows.

The values are those of scikit-learn and SciPy, which need all samples at once; sums can be
collected batch by batch, and resampled for an interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.data.labels import IGNORED, Kind, LabelReader
from prunepack.stages.metrics.quality import COSINE

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array

__all__ = ["COSINE", "NAMED", "NamedMetric", "choose_classes", "sum_cosine"]

MOST_COLUMNS = 256
"""Most columns of targets whose correlations are averaged; more are taken as one column."""

ROUNDING = 1e-12
"""Relative error of sums in float64, with a margin."""

Sum = Callable[["Array", "Array", LabelReader, float], "Array"]
"""A function from an answer (n, …), labels, their reading and the threshold of flags to sums."""


@dataclass(frozen=True, slots=True)
class NamedMetric:
    """A metric of ours.

    Attributes:
        wanted: The kinds of labels that it takes, the preferred one first.
        sum: Returns the sums (n, k) of a batch.
        reduce: Returns the values of added sums (…, k) of a number of samples.
        is_error: Whether lower is better.
        unit: The unit of the value.
    """

    wanted: tuple[Kind, ...]
    sum: Sum
    reduce: Callable[[Array, int], Array]
    is_error: bool = False
    unit: str = ""


def choose_classes(answer: Array, axis: int) -> Array:
    """Return the class with the highest value; -1 where a value is NaN."""
    return np.where(np.isnan(answer).any(axis), -1, answer.argmax(axis))


def _sum_correct(answer: Array, truth: Array, reader: LabelReader, threshold: float) -> Array:
    """Return the positions with the right class or flag, and all that count."""
    if reader.kind == "classes":
        right, counted = choose_classes(answer, reader.axis) == truth, truth != IGNORED
    else:
        right = ((answer > threshold) == truth) & ~np.isnan(answer)
        counted = np.ones_like(right)
    return _by_sample([right & counted, counted])


def _sum_top5(answer: Array, truth: Array, reader: LabelReader, _threshold: float) -> Array:
    """Return the positions whose class is among the five highest, and all that count."""
    counted = truth != IGNORED
    at = np.expand_dims(np.where(counted, truth, 0), reader.axis)
    values = np.take_along_axis(answer, at, reader.axis)
    right = ((answer > values).sum(reader.axis) < 5) & ~np.isnan(answer).any(reader.axis)
    return _by_sample([right & counted, counted])


def _sum_counts(answer: Array, truth: Array, reader: LabelReader, threshold: float) -> Array:
    """Return for each class: hits, positions with this answer, positions with this label."""
    count = len(answer)
    if reader.kind == "classes":
        given = choose_classes(answer, reader.axis).reshape(count, -1)
        return _sum_class_counts(given, truth.reshape(count, -1), answer.shape[reader.axis])
    columns = answer.shape[1] if answer.ndim > 1 else 1
    flags, set_ = (
        array.reshape(count, columns, -1) for array in (answer > threshold, truth.astype(bool))
    )
    return np.concatenate([(flags & set_).sum(2), flags.sum(2), set_.sum(2)], 1)


def _sum_class_counts(given: Array, true: Array, size: int) -> Array:
    """Return the counts for labels that are classes below ``size``."""
    kept = true != IGNORED
    parts = [
        _count(given, size, kept & (given == true)),
        _count(given, size, kept & (given >= 0)),
        _count(true, size, kept),
    ]
    return np.concatenate(parts, 1)


def _count(classes: Array, size: int, chosen: Array) -> Array:
    """Return how often each class stands in each row, where ``chosen``."""
    rows = np.arange(len(classes))[:, None] * size
    return np.bincount((rows + classes)[chosen], minlength=len(classes) * size).reshape(-1, size)


def _sum_absolute(answer: Array, truth: Array, _reader: LabelReader, _threshold: float) -> Array:
    return _average(np.abs(answer.astype(np.float64) - truth))


def _sum_squared(answer: Array, truth: Array, _reader: LabelReader, _threshold: float) -> Array:
    return _average((answer.astype(np.float64) - truth) ** 2)


def _sum_products(answer: Array, truth: Array, _reader: LabelReader, _threshold: float) -> Array:
    """Return for each column: count, sums of x and y, of their squares and of their product."""
    columns = answer.shape[1] if answer.ndim > 1 and answer.shape[1] <= MOST_COLUMNS else 1
    x, y = (array.astype(np.float64).reshape(len(answer), columns, -1) for array in (answer, truth))
    parts = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return np.concatenate([part.sum(2) for part in parts], 1)


def sum_cosine(answer: Array, dense: Array) -> Array:
    """Return the cosine of each sample's answer to that of the dense model, (n, 1).

    Two answers of zeros are equal; a single one has the cosine 0.
    """
    a, b = (array.reshape(len(array), -1).astype(np.float64) for array in (answer, dense))
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    both = lengths[0] * lengths[1]
    cosine = (a * b).sum(1) / np.where(both == 0, 1, both)
    zero = (lengths[0] == 0) & (lengths[1] == 0)
    return np.where(zero, 1.0, np.clip(cosine, -1, 1))[:, None]


def _by_sample(parts: list[Array]) -> Array:
    return np.stack([part.reshape(len(part), -1).sum(1) for part in parts], 1)


def _average(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).mean(1, keepdims=True))


def _reduce_mean(sums: Array, count: int) -> Array:
    return sums[..., 0] / count


def _reduce_percent(sums: Array, _count: int) -> Array:
    return 100 * _divide(sums[..., 0], sums[..., 1])


def _reduce_f1(sums: Array, _count: int) -> Array:
    """Return the mean of F1 over the classes that occur (macro average)."""
    hits, given, true = np.split(sums, 3, -1)
    return _mean_of_classes(2 * hits, given + true)


def _reduce_iou(sums: Array, _count: int) -> Array:
    """Return the mean of intersection over union, over the classes that occur."""
    hits, given, true = np.split(sums, 3, -1)
    return _mean_of_classes(hits, given + true - hits)


def _mean_of_classes(above: Array, below: Array) -> Array:
    occurs = below > 0
    return _divide(np.where(occurs, above / np.where(occurs, below, 1), 0).sum(-1), occurs.sum(-1))


def _reduce_pearson(sums: Array, _count: int) -> Array:
    """Return the mean of the columns' correlations; NaN for a column without variance."""
    n, x, y, xx, yy, xy = np.split(sums, 6, -1)
    spreads = [_subtract(n * square, one * one) for square, one in ((xx, x), (yy, y))]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (n * xy - x * y) / np.sqrt(spreads[0] * spreads[1])
    return np.asarray(np.clip(correlation, -1, 1).mean(-1))


def _subtract(squares: Array, square: Array) -> Array:
    """Return the difference, which is NaN where it is only the rounding of the sums."""
    return np.where(squares - square > ROUNDING * squares, squares - square, np.nan)


def _divide(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(above / below)


NAMED = {
    "accuracy": NamedMetric(("classes", "flags"), _sum_correct, _reduce_percent, unit="%"),
    "top5": NamedMetric(("classes",), _sum_top5, _reduce_percent, unit="%"),
    "f1": NamedMetric(("flags", "classes"), _sum_counts, _reduce_f1),
    "iou": NamedMetric(("classes", "flags"), _sum_counts, _reduce_iou),
    "mae": NamedMetric(("targets",), _sum_absolute, _reduce_mean, is_error=True),
    "mse": NamedMetric(("targets",), _sum_squared, _reduce_mean, is_error=True),
    "pearson": NamedMetric(("targets",), _sum_products, _reduce_pearson),
    COSINE: NamedMetric((), _sum_absolute, _reduce_mean),
}
"""The metrics of ours by name."""
