"""How good four forms of a model are on the same samples, and what was lost on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

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

    Arrays = Mapping[str, npt.NDArray[Any]]
    PerProgram = Mapping[str, npt.NDArray[Any]]

__all__ = ["PROGRAMS", "accuracy_metrics", "answers", "check_labels", "score_metrics"]

PROGRAMS = ("dense", "pruned", "onnx", "artifact")
"""What is judged: the model before pruning, the finalized one, its ONNX, its artifact."""


def answers(outputs: Arrays, name: str, count: int) -> npt.NDArray[np.int64]:
    """Return the class with the highest output for each sample; -1, which is none, without one.

    A row with a NaN in it has no highest value, so it has no answer.

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
            hint="Name a metric of your own in verify.metric, or leave load.dataset out: parity is "
            "judged on random inputs then.",
        )
    return np.where(np.isnan(table).any(1), -1, table.argmax(1))


def check_labels(labels: npt.NDArray[Any], classes: int, source: str) -> None:
    """Refuse labels that no answer can equal.

    Raises:
        RefusedError: If one is not the number of a class.
    """
    whole = labels.ndim == 1 and labels.dtype.kind in "iu"
    if whole and labels.min() >= 0 and labels.max() < classes:
        return
    found = f"{labels.min()} to {labels.max()}" if whole else f"{labels.dtype}{list(labels.shape)}"
    raise RefusedError(
        f"the labels of {source} do not fit the model",
        expected=f"whole numbers from 0 to {classes - 1}, one per sample",
        found=found,
    )


def accuracy_metrics(
    right: PerProgram, agreed: npt.NDArray[np.bool_], labels: npt.NDArray[Any]
) -> Metrics:
    """Return the accuracy of each program, and the drop from the first to the worst of the others.

    Args:
        right: bool (n,) for each of :data:`PROGRAMS`: whether a sample was answered rightly.
        agreed: bool (n,): whether torch and ONNX gave the same answer.
        labels: (n,): the right answers.
    """
    total = len(agreed)
    note = f"{total:,} test samples{_doubt(right['dense'], labels)}"
    metrics: Metrics = {}
    for name, one in right.items():
        low, high = estimate_proportion(int(one.sum()), total)
        share = 100 * int(one.sum()) / total
        metrics[f"accuracy.{name}"] = Metric(share, "%", 100 * low, 100 * high, note)
    dense, worst = right["dense"], _worst(right)
    lost = int((dense & ~right[worst]).sum())
    gained = int((~dense & right[worst]).sum())
    low, high = estimate_difference(lost, gained, total)
    drop = 100 * (lost - gained) / total
    versus = f"dense against {worst}, {note}"
    return metrics | {
        "accuracy.drop": Metric(drop, "points", 100 * low, 100 * high, versus),
        "accuracy.lost": Metric(lost, "samples", note="only the dense model has them right"),
        "accuracy.gained": Metric(gained, "samples", note=f"only {worst} has them right"),
        "accuracy.mcnemar": Metric(compute_mcnemar(lost, gained), note=f"p-value, {versus}"),
        "accuracy.samples": Metric(total, "samples"),
        "agreement.torch_onnx": Metric(100 * int(agreed.sum()) / total, "%", note="same argmax"),
    }


def _doubt(right: npt.NDArray[np.bool_], labels: npt.NDArray[Any]) -> str:
    """Say so if the dense model is not seen to be better than the same answer to every sample."""
    usual = np.unique(labels, return_counts=True)[1].max()
    low, _ = estimate_proportion(int(right.sum()), len(right))
    if low * len(right) > usual:
        return ""
    return (
        "; the dense model is not seen to be better than one answer for all: are these its labels?"
    )


def score_metrics(scores: PerProgram, reference: str, seed: int) -> Metrics:
    """Return the mean score of each program, and the drop from the first to the worst other.

    Args:
        scores: float64 (n,) for each of :data:`PROGRAMS`; higher is better.
        reference: The user's metric, for the notes.
        seed: Seed of the resampling.
    """
    total = len(scores["dense"])
    note = f"{reference}, {total:,} test samples"
    metrics: Metrics = {}
    for name, one in scores.items():
        low, high = estimate_mean(one, seed)
        metrics[f"metric.{name}"] = Metric(_mean(one), "", low, high, note)
    worst = _worst(scores)
    lost = scores["dense"] - scores[worst]
    low, high = estimate_mean(lost, seed)
    versus = f"dense against {worst}, {note}"
    metrics["metric.drop"] = Metric(_mean(lost), "", low, high, versus)
    metrics["metric.samples"] = Metric(total, "samples")
    return metrics


def _worst(each: PerProgram) -> str:
    """Return which program, other than the dense one, has the lowest mean; NaN is the lowest."""
    means = {name: _mean(each[name]) for name in PROGRAMS if name != "dense"}
    return min(means, key=lambda name: (not math.isnan(means[name]), means[name]))


def _mean(values: npt.NDArray[Any]) -> float:
    """Return the mean, the same in whatever order the samples come."""
    return float(np.sort(values).mean())
