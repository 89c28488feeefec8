"""Evaluation of the forms on labelled samples: accuracy, and a metric of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import load_user_code
from prunepack.stages.evaluation.accuracy import (
    accuracy_metrics,
    check_labels,
    find_answers,
    score_metrics,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.contract.arrays import Array, ArrayMapping
    from prunepack.stages.metrics.metric import Metrics

    Score = Callable[[ArrayMapping, Array], npt.NDArray[np.float64]]

__all__ = ["Evaluation", "open_metric"]


PAIRS: dict[str, tuple[Form, Form | None]] = {
    "torch_onnx": ("pruned", "onnx"),
    "dense": ("dense", None),
    "session": ("onnx", "artifact"),
}
"""The two forms whose answers are counted as agreeing, by preference; None is the last form."""


class Evaluation:
    """Answers and scores of each form on each labelled sample.

    Args:
        forms: The forms that are evaluated.
        outputs: The names of the model's outputs; the first one holds the classes.
        metric: The user's metric, or empty for accuracy alone.
        seed: Seed of the resampling.
    """

    def __init__(
        self, forms: Sequence[Form], outputs: Sequence[str], metric: str, seed: int
    ) -> None:
        self._forms = forms
        self._names, self._metric, self._seed = list(outputs), metric, seed
        self._score = open_metric(metric) if metric else None
        self._correct: dict[Form, list[Array]] = {form: [] for form in forms}
        self._scores: dict[Form, list[Array]] = {form: [] for form in forms}
        self._pair = next(name for name, pair in PAIRS.items() if pair[0] in forms)
        self._agreed: list[Array] = []
        self._labels: list[Array] = []

    def add(self, outputs: FormOutputs, labels: Array, source: str) -> None:
        """Evaluate one batch.

        Args:
            outputs: The outputs of all forms for the same samples.
            labels: (n, …).
            source: The source of the samples, for messages.

        Raises:
            RefusedError: If accuracy is not defined, and there is no other metric.
            UsageError: If the user's metric fails.
        """
        if self._score is None or self._has_classes(outputs[self._forms[0]], labels):
            self._add_answers(outputs, labels, source)
        if self._score is not None:
            for form in self._forms:
                complete = set(self._names) <= outputs[form].keys()
                unknown = np.full(len(labels), np.nan)  # no score without all outputs
                scores = self._score(outputs[form], labels) if complete else unknown
                self._scores[form].append(scores)

    def _has_classes(self, outputs: ArrayMapping, labels: Array) -> bool:
        first = outputs.get(self._names[0])
        integers = labels.ndim == 1 and labels.dtype.kind in "iu"
        return first is not None and first.ndim == 2 and integers

    def _add_answers(self, outputs: FormOutputs, labels: Array, source: str) -> None:
        name = self._names[0]
        answers = {form: find_answers(outputs[form], name, len(labels)) for form in self._forms}
        reference = outputs[self._forms[0]]
        if name in reference:
            check_labels(labels, reference[name].shape[1], source)
        for form in self._forms:
            self._correct[form].append(answers[form] == labels)
        first, second = PAIRS[self._pair]
        self._agreed.append(answers[first] == answers[second or self._forms[-1]])
        self._labels.append(labels)

    def metrics(self) -> Metrics:
        """Return the metrics of accuracy and of the user's metric, where they exist."""
        metrics: Metrics = {}
        if self._agreed:
            agreed, labels = map(np.concatenate, (self._agreed, self._labels))
            metrics |= accuracy_metrics(_join_parts(self._correct), agreed, labels, self._pair)
        if any(self._scores.values()):
            metrics |= score_metrics(_join_parts(self._scores), self._metric, self._seed)
        return metrics


def _join_parts(parts: Mapping[Form, Sequence[Array]]) -> dict[Form, Array]:
    return {form: np.concatenate(arrays) for form, arrays in parts.items()}


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
