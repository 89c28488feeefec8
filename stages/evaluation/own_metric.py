"""Metric of the user: a function that gives each sample a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import load_user_code
from prunepack.stages.evaluation.accuracy import score_metrics
from prunepack.stages.metrics.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.contract.arrays import Array, ArrayMapping
    from prunepack.stages.evaluation.judges import Answers
    from prunepack.stages.metrics.metric import Metrics

    Score = Callable[[ArrayMapping, Array], npt.NDArray[np.float64]]

__all__ = ["OwnJudge", "open_metric"]


class OwnJudge:
    """The user's metric.

    Args:
        reference: The name of the user's function.
        arguments: Its keyword arguments.
        outputs: The names of the model's outputs; without all of them there is no score.
        seed: Seed of the resampling.
    """

    def __init__(
        self, reference: str, arguments: Mapping[str, object], outputs: Sequence[str], seed: int
    ) -> None:
        self._reference, self._names, self._seed = reference, set(outputs), seed
        self._score = open_metric(reference, arguments)
        self._scores: dict[Form, list[Array]] = {}
        self._responds = False

    def add(self, outputs: FormOutputs, answers: Answers, labels: Array, name: str) -> None:  # noqa: ARG002
        """Add the scores of a batch.

        Raises:
            UsageError: If the user's function fails.
        """
        for form, given in outputs.items():
            complete = self._names <= given.keys()
            scores = self._score(given, labels) if complete else np.full(len(labels), np.nan)
            self._scores.setdefault(form, []).append(scores)
            if complete and not self._responds:
                self._responds = self._does_respond(given, labels, scores)

    def metrics(self, fresh: Array | None = None) -> Metrics:
        """Return the metrics, and whether other outputs gave other scores."""
        scores = {form: np.concatenate(parts) for form, parts in self._scores.items()}
        responds = {"metric.responds": Metric(int(self._responds))} if scores else {}
        return score_metrics(scores, self._reference, self._seed, fresh=fresh) | responds

    def _does_respond(self, outputs: ArrayMapping, labels: Array, scores: Array) -> bool:
        """Return whether the scores of distorted outputs are others; if they fail, they are."""
        distorted = {name: _distort(array) for name, array in outputs.items()}
        try:
            return not np.array_equal(self._score(distorted, labels), scores)
        except UsageError:
            return True


def _distort(array: Array) -> Array:
    """Return outputs of other samples, with their highest values lowest."""
    other = np.roll(array, 1, 0) if array.ndim else array
    if array.dtype.kind in "fc":
        return np.asarray(0.375 - 2 * other, array.dtype)
    if array.dtype.kind == "b":
        return ~other
    is_number = array.dtype.kind in "iu" and array.size
    return np.asarray(array.max() - other + array.min(), array.dtype) if is_number else other


def open_metric(reference: str, arguments: Mapping[str, object] | None = None) -> Score:
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
            scores = np.asarray(function(dict(outputs), labels, **(arguments or {})), np.float64)
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
