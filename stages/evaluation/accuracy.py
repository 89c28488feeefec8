"""Accuracy and scores of the forms on the same samples, and the drop from the dense model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.intervals import (
    compute_mcnemar,
    enclose,
    estimate_difference,
    estimate_mean,
    estimate_proportion,
    resample_sums,
)
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import Form
    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.evaluation.named import NamedMetric

__all__ = ["accuracy_metrics", "proportion_metrics", "score_metrics", "sum_metrics"]


def accuracy_metrics(
    correct: Mapping[Form, Array],
    agreed: npt.NDArray[np.bool_],
    labels: Array,
    pair: str = "torch_onnx",
    fresh: Array | None = None,
) -> Metrics:
    """Return the accuracy of each form, and the drop from the dense form to the worst other one.

    Args:
        correct: bool (n,) for each form: whether the answer to a sample is correct. Without the
            dense form there is no drop.
        agreed: bool (n,): whether two forms gave the same answer.
        labels: (n,): the correct answers.
        pair: The name of these two forms: ``torch_onnx``, ``dense`` or ``session``.
        fresh: bool (n,): whether each sample is the first of its kind; None if all are.
    """
    doubt = _describe_doubt(correct["dense"], labels) if "dense" in correct else ""
    metrics = proportion_metrics("accuracy", correct, doubt, fresh)
    if "dense" in correct and len(correct) > 1:
        worst = _find_worst(correct)
        lost, gained = _count_changes(correct, worst, _choose_all(correct, None))
        note = metrics["accuracy.drop"].note
        metrics |= {
            "accuracy.lost": Metric(lost, "samples", note="correct in the dense model only"),
            "accuracy.gained": Metric(gained, "samples", note=f"correct in {worst} only"),
            "accuracy.mcnemar": Metric(compute_mcnemar(lost, gained), note=f"p-value, {note}"),
        }
    percent = 100 * int(agreed.sum()) / len(agreed)
    return metrics | {f"agreement.{pair}": Metric(percent, "%", note="same argmax")}


def proportion_metrics(
    group: str, correct: Mapping[Form, Array], doubt: str = "", fresh: Array | None = None
) -> Metrics:
    """Return the percentage of each form, and the drop from the dense form to the worst other one.

    Args:
        group: The first part of the names of the metrics.
        correct: bool (n,) for each form: whether the answer to a sample is correct.
        doubt: A remark for the notes.
        fresh: bool (n,): whether each sample is the first of its kind; None if all are.
    """
    chosen = _choose_all(correct, fresh)
    total, distinct = len(chosen), int(chosen.sum())
    note = f"{_describe_samples(chosen)}{doubt}"
    metrics: Metrics = {}
    for form, answers in correct.items():
        percent = 100 * int(answers.sum()) / total
        ends = estimate_proportion(int(answers[chosen].sum()), distinct)
        metrics[f"{group}.{form}"] = _widen(percent, "%", ends, note)
    if "dense" in correct and len(correct) > 1:
        worst = _find_worst(correct)
        lost, gained = _count_changes(correct, worst, _choose_all(correct, None))
        drop, pair = 100 * (lost - gained) / total, f"dense against {worst}, {note}"
        ends = estimate_difference(*_count_changes(correct, worst, chosen), distinct)
        metrics[f"{group}.drop"] = _widen(drop, "points", ends, pair)
    return metrics | {f"{group}.samples": Metric(distinct, "samples", note=_note_repeats(chosen))}


def _choose_all(values: Mapping[Form, Array], fresh: Array | None) -> Array:
    """Return which samples are the first of their kind: all of them if that is unknown."""
    return np.ones(next(iter(values.values())).shape[0], bool) if fresh is None else fresh


def _note_repeats(chosen: Array) -> str:
    return "" if chosen.all() else f"distinct ones of {len(chosen):,}"


def _describe_samples(chosen: Array) -> str:
    repeats = "" if chosen.all() else f", {int(chosen.sum()):,} of them distinct"
    return f"{len(chosen):,} test samples{repeats}"


def _widen(percent: float, unit: str, ends: tuple[float, float], note: str) -> Metric:
    """Return a percentage with its interval, which contains the value."""
    low, high = (100 * end for end in ends)
    return Metric(percent, unit, min(low, percent), max(high, percent), note)


def _count_changes(correct: Mapping[Form, Array], worst: Form, chosen: Array) -> tuple[int, int]:
    """Return the chosen samples that only dense, and that only ``worst`` answers correctly."""
    dense, other = correct["dense"][chosen], correct[worst][chosen]
    return int((dense & ~other).sum()), int((~dense & other).sum())


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


def score_metrics(
    scores: Mapping[Form, Array],
    metric: str,
    seed: int,
    *,
    is_error: bool = False,
    fresh: Array | None = None,
) -> Metrics:
    """Return the mean score of each form, and the drop from the dense form to the worst other one.

    Args:
        scores: float64 (n,) for each form.
        metric: The name of the metric, for the notes.
        seed: Seed of the resampling.
        is_error: Whether lower is better; a drop is positive where the other form is worse.
        fresh: bool (n,): whether each sample is the first of its kind; None if all are.
    """
    chosen = _choose_all(scores, fresh)
    note = f"{metric}, {_describe_samples(chosen)}"
    metrics: Metrics = {}
    for form, values in scores.items():
        metrics[f"metric.{form}"] = _estimate(values, chosen, seed, note)
    metrics["metric.samples"] = Metric(int(chosen.sum()), "samples", note=_note_repeats(chosen))
    if "dense" not in scores or len(scores) == 1:
        return metrics
    sign = -1 if is_error else 1
    worst = _find_worst({form: sign * values for form, values in scores.items()})
    lost = sign * (scores["dense"] - scores[worst])
    pair = f"dense against {worst}, {note}"
    return metrics | {"metric.drop": _estimate(lost, chosen, seed, pair)}


def _estimate(values: Array, chosen: Array, seed: int, note: str) -> Metric:
    """Return the mean of all values, with the interval of the chosen ones, which contains it."""
    mean, (low, high) = _mean(values), estimate_mean(values[chosen], seed)
    return Metric(mean, "", min(low, mean), max(high, mean), note)


def sum_metrics(
    group: str,
    sums: Mapping[Form, Array],
    metric: NamedMetric,
    name: str,
    seed: int,
    fresh: Array | None = None,
) -> Metrics:
    """Return the value of each form by added sums, and the drop to the worst other form.

    Args:
        group: The first part of the names of the metrics.
        sums: (n, k) for each form, which may be sparse.
        metric: The metric that the sums belong to.
        name: The name of the metric, for the notes.
        seed: Seed of the resampling.
        fresh: bool (n,): whether each sample is the first of its kind; None if all are.
    """
    chosen = _choose_all(sums, fresh)
    total, note = len(chosen), f"{name}, {_describe_samples(chosen)}"
    drawn = resample_sums({f: each[chosen] for f, each in sums.items()}, metric.reduce, seed)
    values = {
        form: float(metric.reduce(np.asarray(each.sum(0)).ravel(), total))
        for form, each in sums.items()
    }
    count = Metric(int(chosen.sum()), "samples", note=_note_repeats(chosen))
    metrics: Metrics = {f"{group}.samples": count}
    for form, value in values.items():
        low, high = enclose(drawn[form], value)
        metrics[f"{group}.{form}"] = Metric(value, metric.unit, low, high, note)
    if "dense" in values and len(values) > 1:
        sign = -1 if metric.is_error else 1
        worst = _find_worst({form: np.array([sign * value]) for form, value in values.items()})
        drop = sign * (values["dense"] - values[worst])
        low, high = enclose(sign * (drawn["dense"] - drawn[worst]), drop)
        unit, pair = "points" if metric.unit == "%" else "", f"dense against {worst}, {note}"
        metrics[f"{group}.drop"] = Metric(drop, unit, low, high, pair)
    return metrics


def _find_worst(values: Mapping[Form, Array]) -> Form:
    """Return the form, other than the dense one, with the lowest mean; NaN is the lowest."""
    means = {form: _mean(array) for form, array in values.items() if form != "dense"}
    return min(means, key=lambda form: (not math.isnan(means[form]), means[form]))


def _mean(values: Array) -> float:
    """Return the mean, which is independent of the order of the samples."""
    return float(np.sort(values).mean())
