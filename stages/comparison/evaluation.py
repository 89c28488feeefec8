"""Judging four programs on labelled samples, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.accuracy import (
    PROGRAMS,
    accuracy_metrics,
    answers,
    check_labels,
    score_metrics,
)
from prunepack.stages.comparison.user_metric import open_metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

    Array = npt.NDArray[Any]
    Arrays = Mapping[str, Array]

__all__ = ["Judge"]


class Judge:
    """Keeps what each program scores on each sample.

    Args:
        outputs: The names of the model's outputs; classes are read from the first.
        metric: The user's metric; empty for accuracy alone.
        seed: Seed of resampling.
    """

    def __init__(self, outputs: Sequence[str], metric: str, seed: int) -> None:
        self._names, self._metric, self._seed = list(outputs), metric, seed
        self._score = open_metric(metric) if metric else None
        self._right: dict[str, list[Array]] = {name: [] for name in PROGRAMS}
        self._scores: dict[str, list[Array]] = {name: [] for name in PROGRAMS}
        self._agreed: list[Array] = []
        self._labels: list[Array] = []

    def add(self, outputs: Sequence[Arrays], labels: Array, source: str) -> None:
        """Judge one batch.

        Args:
            outputs: What each of ``PROGRAMS`` made of the same samples.
            labels: (n, …).
            source: Where the samples are from, for messages.

        Raises:
            RefusedError: If accuracy cannot be counted, and there is no other metric.
            UsageError: If the user's metric fails.
        """
        if self._score is None or self._is_classes(outputs[0], labels):
            self._count(outputs, labels, source)
        if self._score is not None:
            for name, one in zip(PROGRAMS, outputs, strict=True):
                whole = set(self._names) <= one.keys()
                unknown = np.full(len(labels), np.nan)  # an output is missing: nothing to score
                self._scores[name].append(self._score(one, labels) if whole else unknown)

    def _is_classes(self, dense: Arrays, labels: Array) -> bool:
        first = dense.get(self._names[0])
        return (
            first is not None and first.ndim == 2 and labels.ndim == 1 and labels.dtype.kind in "iu"
        )

    def _count(self, outputs: Sequence[Arrays], labels: Array, source: str) -> None:
        name = self._names[0]
        given = [answers(one, name, len(labels)) for one in outputs]
        if name in outputs[0]:
            check_labels(labels, outputs[0][name].shape[1], source)
        for program, answer in zip(PROGRAMS, given, strict=True):
            self._right[program].append(answer == labels)
        self._agreed.append(given[1] == given[2])
        self._labels.append(labels)

    def metrics(self) -> Metrics:
        """Return the figures of accuracy and of the user's metric, whichever there are."""
        metrics: Metrics = {}
        if self._agreed:
            right = {name: np.concatenate(parts) for name, parts in self._right.items()}
            agreed, labels = map(np.concatenate, (self._agreed, self._labels))
            metrics |= accuracy_metrics(right, agreed, labels)
        if any(self._scores.values()):
            scores = {name: np.concatenate(parts) for name, parts in self._scores.items()}
            metrics |= score_metrics(scores, self._metric, self._seed)
        return metrics
