"""Evaluation of the forms on samples: the metric that is named, or that the labels suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.user_code import is_user_code
from prunepack.stages.data.labels import LabelReader
from prunepack.stages.evaluation.judges import CosineJudge, Judge, NamedJudge
from prunepack.stages.evaluation.named import COSINE
from prunepack.stages.evaluation.own_metric import OwnJudge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Evaluation", "choose_answer", "describe_missing_labels"]


class Evaluation:
    """Metrics of each form on samples.

    Args:
        forms: The forms that are evaluated.
        outputs: The names of the model's outputs.
        metric: The name of a metric, the user's function, or empty for one by the labels.
        seed: Seed of the resampling.
        answer: The output that is judged; the first one if it is empty.
        arguments: Keyword arguments of the user's function.

    Raises:
        UsageError: If no output is called ``answer``, or the user's function cannot be loaded.
    """

    def __init__(
        self,
        forms: Sequence[Form],
        outputs: Sequence[str],
        metric: str,
        seed: int,
        answer: str = "",
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        self._forms, self._metric, self._seed = forms, metric, seed
        self._answer = choose_answer(outputs, answer)
        self._judges: list[Judge] = []
        if is_user_code(metric):
            self._judges.append(OwnJudge(metric, arguments or {}, outputs, seed))
        elif metric and metric != COSINE:
            self._judges.append(NamedJudge(metric, seed))
        self._cosine = CosineJudge(seed)
        self._labelled = self._unlabelled = 0
        self._fresh: dict[bool, list[Array]] = {True: [], False: []}

    @property
    def takes_unlabelled(self) -> bool:
        """Whether samples without labels are judged, by the dense model."""
        return "dense" in self._forms and self._metric in {"", COSINE}

    def add(
        self, outputs: FormOutputs, labels: Array | None, source: str, fresh: Array | None = None
    ) -> None:
        """Evaluate one batch of samples.

        Args:
            outputs: The outputs of all forms for the same samples.
            labels: (n, …), or None.
            source: The source of the samples, for messages.
            fresh: Whether each sample is the first of its kind; None if all are.

        Raises:
            RefusedError: If the labels do not fit the answer.
            UsageError: If the user's metric fails.
        """
        answers = {form: given.get(self._answer) for form, given in outputs.items()}
        if labels is None or self._metric == COSINE:
            dense = answers.get("dense")
            if self.takes_unlabelled and dense is not None and dense.ndim:
                self._cosine.add(outputs, answers, dense, source)
                self._unlabelled += len(dense)
                self._fresh[False].append(_complete(fresh, len(dense)))
            return
        if not self._labelled:
            self._choose_judges(answers, labels, source)
        self._labelled += len(labels)
        if any(answer is not None for answer in answers.values()):
            self._fresh[True].append(_complete(fresh, len(labels)))
            for judge in self._judges:
                judge.add(outputs, answers, labels, source)

    def _choose_judges(
        self, answers: Mapping[Form, Array | None], labels: Array, source: str
    ) -> None:
        """Choose the metric by the first labels; accuracy stands beside another metric."""
        first = next((answer for answer in answers.values() if answer is not None), None)
        if first is None:
            return
        if self._metric:
            if self._metric != "accuracy" and _are_classes(labels, first):
                self._judges.append(NamedJudge("accuracy", self._seed))
            return
        name = _choose_metric(labels, first, source)
        self._judges.append(NamedJudge(name, self._seed))

    def metrics(self) -> Metrics:
        """Return the metrics of the samples.

        Raises:
            UsageError: If a metric is named and no sample could be judged by it.
        """
        parts = self._fresh[self._labelled > 0]
        fresh = np.concatenate(parts) if parts else None
        if self._labelled:
            return {name: m for judge in self._judges for name, m in judge.metrics(fresh).items()}
        if self._metric and not self._unlabelled:
            raise describe_missing_labels(self._metric)
        if not self._unlabelled:
            return {}
        if not self._metric:
            remark(f"no labels: {COSINE} of the answer `{self._answer}` is the metric")
        return self._cosine.metrics(fresh)


def _complete(fresh: Array | None, count: int) -> Array:
    """Return whether each of ``count`` samples is the first of its kind: all if it is unknown."""
    return np.ones(count, bool) if fresh is None else fresh


def _are_classes(labels: Array, answer: Array) -> bool:
    """Return whether labels are class numbers of an answer (n, classes), beyond doubt."""
    integers = labels.ndim == 1 and labels.dtype.kind in "iu" and answer.ndim == 2
    return integers and labels.min() >= 0 and labels.max() < answer.shape[1] > 1


def choose_answer(outputs: Sequence[str], answer: str) -> str:
    """Return the name of the output that answers: ``answer``, or the first one if it is empty.

    Raises:
        UsageError: If no output has that name.
    """
    if not answer or answer in outputs:
        return answer or next(iter(outputs), "")
    raise UsageError(
        f"verify.answer names no output: `{answer}`",
        expected=", ".join(f"`{name}`" for name in outputs),
        found=f"`{answer}`",
        hint=suggest_name(answer, outputs).replace("'", "`"),
    )


def describe_missing_labels(metric: str) -> UsageError:
    """Return the error for a metric that no sample can be judged by."""
    if metric == COSINE:
        return UsageError(
            f"`verify.metric` {metric} has nothing to compare",
            expected="samples in `load.dataset` or `verify.inputs`, and a dense model",
            found="none",
        )
    return UsageError(
        f"`verify.metric` {metric} has no labelled samples",
        expected="`load.dataset`, or an array of labels in `verify.inputs`",
        found="neither",
    )


def _choose_metric(labels: Array, answer: Array, source: str) -> str:
    """Return the metric for labels of this kind, with a remark if it is not accuracy."""
    reader = LabelReader.choose(labels, answer.shape, source)
    single = answer.size == len(answer)
    kinds = {"classes": "accuracy", "targets": "mse", "flags": "accuracy" if single else "f1"}
    name = kinds[reader.kind]
    if name != "accuracy":
        remark(f"no metric is named: {name} by the labels")
    return name
