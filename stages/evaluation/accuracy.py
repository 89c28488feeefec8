"""Accuracy and scores of the forms on the same samples, and the drop from the dense model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.metrics.intervals import (
    compute_mcnemar,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
)
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import Form
    from prunepack.stages.contract.arrays import Array, ArrayMapping

__all__ = ["accuracy_metrics", "check_labels", "find_answers", "score_metrics"]


def find_answers(outputs: ArrayMapping, name: str, count: int) -> npt.NDArray[np.int64]:
    """Return the class with the highest output for each sample, or -1 without an answer.

    A missing output gives no answer, and neither does a row that contains NaN.

    Raises:
        RefusedError: If the output is not one number per sample and class.
    """
    if name not in outputs:
        return np.full(count, -1)
    table = outputs[name]
    if table.ndim != 2:
        raise RefusedError(
            "accuracy cannot be counted on this model",
            expected=f"its first output, {name!r}, as (n, classes)",
            found=str(table.shape),
            hint="Name a metric of your own in `verify.metric`, or leave `load.dataset` out to "
            "compare on random inputs only",
        )
    return np.where(np.isnan(table).any(1), -1, table.argmax(1))


def check_labels(labels: Array, classes: int, source: str) -> None:
    """Refuse labels that no answer can equal.

    Raises:
        RefusedError: If a label is not the number of a class.
    """
    integers = labels.ndim == 1 and labels.dtype.kind in "iu"
    if integers and labels.min() >= 0 and labels.max() < classes:
        return
    shape = f"{labels.dtype}{list(labels.shape)}"
    raise RefusedError(
        f"the labels of {source} do not fit the model",
        expected=f"whole numbers from 0 to {classes - 1}, one per sample",
        found=f"{labels.min()} to {labels.max()}" if integers else shape,
    )


def accuracy_metrics(
    correct: Mapping[Form, Array],
    agreed: npt.NDArray[np.bool_],
    labels: Array,
    pair: str = "torch_onnx",
) -> Metrics:
    """Return the accuracy of each form, and the drop from the dense form to the worst other one.

    Args:
        correct: bool (n,) for each form: whether the answer to a sample is correct. Without the
            dense form there is no drop.
        agreed: bool (n,): whether two forms gave the same answer.
        labels: (n,): the correct answers.
        pair: The name of these two forms: ``torch_onnx``, ``dense`` or ``session``.
    """
    total = len(agreed)
    doubt = _describe_doubt(correct["dense"], labels) if "dense" in correct else ""
    note = f"{total:,} test samples{doubt}"
    metrics: Metrics = {}
    for form, answers in correct.items():
        low, high = estimate_proportion(int(answers.sum()), total)
        percent = 100 * int(answers.sum()) / total
        metrics[f"accuracy.{form}"] = Metric(percent, "%", 100 * low, 100 * high, note)
    metrics |= _drop_metrics(correct, note) if "dense" in correct else {}
    percent = 100 * int(agreed.sum()) / total
    return metrics | {
        "accuracy.samples": Metric(total, "samples"),
        f"agreement.{pair}": Metric(percent, "%", note="same argmax"),
    }


def _drop_metrics(correct: Mapping[Form, Array], note: str) -> Metrics:
    """Return the drop of accuracy with its interval and test."""
    dense, worst = correct["dense"], _find_worst(correct)
    total = len(dense)
    lost = int((dense & ~correct[worst]).sum())
    gained = int((~dense & correct[worst]).sum())
    low, high = estimate_difference(lost, gained, total)
    drop = 100 * (lost - gained) / total
    pair = f"dense against {worst}, {note}"
    return {
        "accuracy.drop": Metric(drop, "points", 100 * low, 100 * high, pair),
        "accuracy.lost": Metric(lost, "samples", note="correct in the dense model only"),
        "accuracy.gained": Metric(gained, "samples", note=f"correct in {worst} only"),
        "accuracy.mcnemar": Metric(compute_mcnemar(lost, gained), note=f"p-value, {pair}"),
    }


def _describe_doubt(correct: npt.NDArray[np.bool_], labels: Array) -> str:
    """Return a remark if the dense model may not beat the same answer to every sample."""
    most_frequent = np.unique(labels, return_counts=True)[1].max()
    low, _ = estimate_proportion(int(correct.sum()), len(correct))
    if low * len(correct) > most_frequent:
        return ""
    return (
        "; the dense model may be no better than the same answer for all: check that these are "
        "its labels"
    )


def score_metrics(scores: Mapping[Form, Array], metric: str, seed: int) -> Metrics:
    """Return the mean score of each form, and the drop from the dense form to the worst other one.

    Args:
        scores: float64 (n,) for each form; higher is better.
        metric: The name of the user's metric, for the notes.
        seed: Seed of the resampling.
    """
    total = len(next(iter(scores.values())))
    note = f"{metric}, {total:,} test samples"
    metrics: Metrics = {}
    for form, values in scores.items():
        low, high = estimate_mean(values, seed)
        metrics[f"metric.{form}"] = Metric(_mean(values), "", low, high, note)
    metrics["metric.samples"] = Metric(total, "samples")
    if "dense" not in scores:
        return metrics
    worst = _find_worst(scores)
    lost = scores["dense"] - scores[worst]
    low, high = estimate_mean(lost, seed)
    pair = f"dense against {worst}, {note}"
    metrics["metric.drop"] = Metric(_mean(lost), "", low, high, pair)
    return metrics


def _find_worst(values: Mapping[Form, Array]) -> Form:
    """Return the form, other than the dense one, with the lowest mean; NaN is the lowest."""
    means = {form: _mean(array) for form, array in values.items() if form != "dense"}
    return min(means, key=lambda form: (not math.isnan(means[form]), means[form]))


def _mean(values: Array) -> float:
    """Return the mean, which is independent of the order of the samples."""
    return float(np.sort(values).mean())
