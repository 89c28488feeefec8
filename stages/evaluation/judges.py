"""Judges of answers: each collects one metric of all forms, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from prunepack.stages.contract.progress import remark
from prunepack.stages.data.labels import LabelReader
from prunepack.stages.evaluation.accuracy import (
    accuracy_metrics,
    proportion_metrics,
    score_metrics,
    sum_metrics,
)
from prunepack.stages.evaluation.constant_answer import ConstantAnswer
from prunepack.stages.evaluation.named import COSINE, NAMED, choose_classes, sum_cosine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.metrics.metric import Metrics

    Answers = Mapping[Form, Array | None]

__all__ = ["Answers", "CosineJudge", "Judge", "NamedJudge"]

MOST_DENSE = 64
"""Most sums of a sample that are kept as a dense array."""

PAIRS: dict[str, tuple[Form, Form | None]] = {
    "torch_onnx": ("pruned", "onnx"),
    "dense": ("dense", None),
    "session": ("onnx", "artifact"),
}
"""The two forms whose answers are counted as agreeing, by preference; None is the last form."""


class Judge(Protocol):
    """A collector of one metric."""

    def add(self, outputs: FormOutputs, answers: Answers, labels: Array, name: str) -> None:
        """Add a batch.

        Args:
            outputs: All outputs of each form.
            answers: The output that answers of each form; None where it is missing.
            labels: The labels of the batch.
            name: The source of the labels, for messages.
        """
        ...

    def metrics(self, fresh: Array | None = None) -> Metrics:
        """Return the metrics of all batches.

        Args:
            fresh: bool (n,): whether each sample is the first of its kind, for the intervals.
        """
        ...


class NamedJudge:
    """A metric of ours; ``accuracy`` has a group of metrics of its own.

    Args:
        name: The name of the metric.
        seed: Seed of the resampling.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._seed, self._metric = name, seed, NAMED[name]
        self._reader: LabelReader | None = None
        self._threshold = 0.0
        self._center: tuple[float, float] | None = None
        self._sums: dict[Form, list[Array]] = {}
        self._classes: dict[Form, list[Array]] = {}
        self._truths: list[Array] = []
        self._constant = ConstantAnswer()

    def add(self, outputs: FormOutputs, answers: Answers, labels: Array, name: str) -> None:  # noqa: ARG002
        """Add the sums of a batch.

        Raises:
            RefusedError: If the labels do not fit the answer.
        """
        first = next(answer for answer in answers.values() if answer is not None)
        reader = self._choose(first, labels, name)
        truth = reader.read(labels, first.shape)
        if self._name == "pearson":  # a large mean would hide the variance
            self._center = self._center or (_mean_of(first), _mean_of(truth))
            truth = truth - self._center[1]
        self._constant.add(truth, reader, first.shape[reader.axis] if first.ndim > 1 else 1)
        single = truth.size == len(truth)
        for form, answer in answers.items():
            fits = answer is not None and answer.shape == first.shape
            known = answer if fits and answer is not None else np.full(first.shape, np.nan)
            if self._center is not None:
                known = known.astype(np.float64) - self._center[0]
            sums = self._metric.sum(known, truth, reader, self._threshold)
            self._sums.setdefault(form, []).append(_compress(sums))
            if self._name == "accuracy" and single:
                self._classes.setdefault(form, []).append(self._find(known, reader).reshape(-1))
        self._truths.append(truth.reshape(-1) if single else truth[:0].reshape(-1))

    def _choose(self, answer: Array, labels: Array, name: str) -> LabelReader:
        if self._reader is None:
            self._reader = LabelReader.choose(labels, answer.shape, name, self._metric.wanted)
            if self._reader.kind == "flags" and answer.size and not _leaves_unit(answer):
                self._threshold = 0.5
                remark("the answer is from 0 to 1: flags are taken as set above 0.5")
        return self._reader

    def _find(self, answer: Array, reader: LabelReader) -> Array:
        if reader.kind == "classes":
            return choose_classes(answer, reader.axis)
        return np.where(np.isnan(answer), -1, answer > self._threshold)

    def metrics(self, fresh: Array | None = None) -> Metrics:
        """Return the metrics, and the advantage over the best constant answer."""
        metrics = self._measure(fresh)
        group = "accuracy" if self._name == "accuracy" else "metric"
        kind = "targets" if self._reader is None else self._reader.kind
        is_error = self._metric.is_error
        gain = self._constant.compare(group, metrics, self._name, kind, is_error=is_error)
        return metrics | gain

    def _measure(self, fresh: Array | None) -> Metrics:
        """Return the metrics; single answers have intervals of proportions."""
        sums = {form: _stack(parts) for form, parts in self._sums.items()}
        is_accuracy = self._name == "accuracy"
        group = "accuracy" if is_accuracy else "metric"
        first = next(iter(sums.values()))
        if first.shape[1] == 1:
            scores = {form: each[:, 0] for form, each in sums.items()}
            is_error = self._metric.is_error
            return score_metrics(scores, self._name, self._seed, is_error=is_error, fresh=fresh)
        if self._metric.unit != "%" or not bool((first[:, 1] == 1).all()):
            return sum_metrics(group, sums, self._metric, self._name, self._seed, fresh)
        correct = {form: each[:, 0] > 0 for form, each in sums.items()}
        if not is_accuracy or not self._classes:
            return proportion_metrics(group, correct, fresh=fresh)
        classes = {form: np.concatenate(parts) for form, parts in self._classes.items()}
        pair = next(name for name, forms in PAIRS.items() if {*forms} <= {None, *classes})
        one, other = PAIRS[pair]
        agreed = classes[one] == classes[other or [*classes][-1]]
        return accuracy_metrics(correct, agreed, np.concatenate(self._truths), pair, fresh)


class CosineJudge:
    """Cosine of the answers to those of the dense model, which takes the place of labels."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._scores: dict[Form, list[Array]] = {}

    def add(self, outputs: FormOutputs, answers: Answers, labels: Array, name: str) -> None:  # noqa: ARG002
        """Add a batch; ``labels`` are the answers of the dense model."""
        for form, answer in answers.items():
            fits = answer is not None and answer.shape == labels.shape
            cosines = sum_cosine(answer, labels)[:, 0] if fits and answer is not None else None
            unknown = np.full(len(labels), np.nan)
            self._scores.setdefault(form, []).append(unknown if cosines is None else cosines)

    def metrics(self, fresh: Array | None = None) -> Metrics:
        """Return the metrics."""
        scores = {form: np.concatenate(parts) for form, parts in self._scores.items()}
        return score_metrics(scores, COSINE, self._seed, fresh=fresh)


def _mean_of(values: Array) -> float:
    return float(values.mean(dtype=np.float64))


def _leaves_unit(answer: Array) -> bool:
    return bool(((answer < 0) | (answer > 1)).any())


def _compress(sums: Array) -> Array:
    """Return sums of many classes as a sparse array; most of them are zero."""
    if sums.shape[1] <= MOST_DENSE:
        return sums.astype(np.float64)
    from scipy import sparse

    compressed: Array = sparse.csr_array(sums.astype(np.float64))
    return compressed


def _stack(parts: Sequence[Array]) -> Array:
    from scipy import sparse

    if not sparse.issparse(parts[0]):
        return np.concatenate(parts)
    stacked: Array = sparse.vstack(parts).tocsr()
    return stacked
