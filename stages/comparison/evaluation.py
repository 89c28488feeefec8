"""Evaluation of the forms on labelled samples: accuracy, and a metric of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.comparison.accuracy import (
    accuracy_metrics,
    check_labels,
    find_answers,
    score_metrics,
)
from prunepack.stages.comparison.forms import FORMS, Form
from prunepack.stages.contract.user_code import load_user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import FormOutputs
    from prunepack.stages.contract.arrays import Array, ArrayMapping
    from prunepack.stages.metrics.metric import Metrics

    Score = Callable[[ArrayMapping, Array], npt.NDArray[np.float64]]

__all__ = ["Evaluation", "open_metric"]


class Evaluation:
    """Answers and scores of each form on each labelled sample.

    Args:
        outputs: The names of the model's outputs; the first one holds the classes.
        metric: The user's metric, or empty for accuracy alone.
        seed: Seed of the resampling.
    """

    def __init__(self, outputs: Sequence[str], metric: str, seed: int) -> None:
        self._names, self._metric, self._seed = list(outputs), metric, seed
        self._score = open_metric(metric) if metric else None
        self._correct: dict[Form, list[Array]] = {form: [] for form in FORMS}
        self._scores: dict[Form, list[Array]] = {form: [] for form in FORMS}
        self._agreed: list[Array] = []
        self._labels: list[Array] = []

    def add(self, outputs: FormOutputs, labels: Array, source: str) -> None:
        """Evaluate one batch.

        Args:
            outputs: The outputs of all ``FORMS`` for the same samples.
            labels: (n, …).
            source: The source of the samples, for messages.

        Raises:
            RefusedError: If accuracy is not defined, and there is no other metric.
            UsageError: If the user's metric fails.
        """
        if self._score is None or self._has_classes(outputs["dense"], labels):
            self._add_answers(outputs, labels, source)
        if self._score is not None:
            for form in FORMS:
                complete = set(self._names) <= outputs[form].keys()
                unknown = np.full(len(labels), np.nan)  # no score without all outputs
                scores = self._score(outputs[form], labels) if complete else unknown
                self._scores[form].append(scores)

    def _has_classes(self, dense: ArrayMapping, labels: Array) -> bool:
        first = dense.get(self._names[0])
        integers = labels.ndim == 1 and labels.dtype.kind in "iu"
        return first is not None and first.ndim == 2 and integers

    def _add_answers(self, outputs: FormOutputs, labels: Array, source: str) -> None:
        name = self._names[0]
        answers = {form: find_answers(outputs[form], name, len(labels)) for form in FORMS}
        if name in outputs["dense"]:
            check_labels(labels, outputs["dense"][name].shape[1], source)
        for form in FORMS:
            self._correct[form].append(answers[form] == labels)
        self._agreed.append(answers["pruned"] == answers["onnx"])
        self._labels.append(labels)

    def metrics(self) -> Metrics:
        """Return the metrics of accuracy and of the user's metric, where they exist."""
        metrics: Metrics = {}
        if self._agreed:
            correct = {form: np.concatenate(parts) for form, parts in self._correct.items()}
            agreed, labels = map(np.concatenate, (self._agreed, self._labels))
            metrics |= accuracy_metrics(correct, agreed, labels)
        if any(self._scores.values()):
            scores = {form: np.concatenate(parts) for form, parts in self._scores.items()}
            metrics |= score_metrics(scores, self._metric, self._seed)
        return metrics


def open_metric(reference: str) -> Score:
    """Return the user's ``function(outputs, labels)``, with a check of its result.

    ``outputs`` maps the names of the model's outputs to arrays (n, …), and ``labels`` is (n, …).
    The result is one score per sample, (n,), without NaN; higher is better.

    Raises:
        UsageError: If the function cannot be loaded; on a call, if it fails or returns anything
            else.
    """
    function = load_user_code(reference)

    def score(outputs: ArrayMapping, labels: Array) -> npt.NDArray[np.float64]:
        try:
            scores = np.asarray(function(dict(outputs), labels), np.float64)
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"`{reference}(outputs, labels)` failed", found=f"{type(error).__name__}: {error}"
            ) from error
        if scores.shape != (len(labels),) or np.isnan(scores).any():
            found = "NaN among them" if scores.shape == (len(labels),) else str(scores.shape)
            raise UsageError(
                f"`{reference}(outputs, labels)` returned invalid scores",
                expected=f"one score for each of {len(labels)} samples",
                found=found,
            )
        return scores

    return score
