"""Pairs of forms: parity of those that must agree, similarity of dense and pruned files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from prunepack.stages.comparison.comparison import Comparison, name_outputs
from prunepack.stages.comparison.units import divide_by_units
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.comparison.forms import Form, FormOutputs
    from prunepack.stages.comparison.tolerances import Tolerance
    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["LARGEST_SCALE", "DenseComparison", "FormComparisons", "ParityComparison"]

STRUCTURE = ("samples", "outputs", "values", "unmatched_outputs", "nonfinite")
"""Metrics of a comparison that hold for two models that differ on purpose."""

LARGEST_SCALE = 1024.0
"""Scale of inputs from which on one model may overflow where the other does not, since a zero
weight stops what another one passes on."""

LOWEST = ("cosine", "mean_cosine", "sqnr_db", "argmax", "top5")
"""Similarities of an output; the lowest of all outputs is the model's."""


class PairComparison(Protocol):
    """Comparison of two forms."""

    def add(self, batch: InputBatch, expected: ArrayMapping, actual: ArrayMapping) -> None:
        """Compare the outputs of one batch."""

    def fail(self, inputs: str, reason: str) -> None:
        """Record that the second form has no outputs for these inputs."""

    def metrics(self) -> Metrics:
        """Return the metrics by name."""


class FormComparisons:
    """The comparisons of all pairs of forms that are open.

    Pruned torch and ONNX have a tolerance, and so have two files of the same model. The ONNX and
    its artifact are equal bit for bit. Dense and pruned files differ on purpose: their similarity
    is measured.

    Args:
        forms: The open forms.
        rules: Tolerances between torch and ONNX, or between two files of the same model.
        same: Whether the dense file and the other file are the same model.
        of_samples: Whether similarity is measured on samples of real data, not on random inputs.
    """

    def __init__(
        self,
        forms: Sequence[Form],
        rules: Sequence[Tolerance],
        *,
        same: bool = False,
        of_samples: bool = False,
    ) -> None:
        names, last = set(forms), forms[-1]
        self._pairs: list[tuple[PairComparison, Form, Form]] = []
        if names >= {"pruned", "onnx"}:
            self._pairs.append((ParityComparison("torch_onnx", rules), "pruned", "onnx"))
        elif "dense" in names and same:
            self._pairs.append((ParityComparison("files", rules), "dense", last))
        elif "dense" in names:
            self._pairs.append((DenseComparison(of_samples=of_samples), "dense", last))
        if names >= {"onnx", "artifact"}:
            self._pairs.append((ParityComparison("session", exact=True), "onnx", "artifact"))

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Compare the outputs of one batch."""
        for comparison, expected, actual in self._pairs:
            comparison.add(batch, outputs[expected], outputs[actual])

    def fail(self, batch: InputBatch, reason: str) -> None:
        """Record that a form has no outputs for a batch that the reference can run."""
        self._pairs[0][0].fail(batch.name, reason)

    def metrics(self) -> Metrics:
        """Return the metrics of all comparisons."""
        metrics: Metrics = {}
        for comparison, _, _ in self._pairs:
            metrics |= comparison.metrics()
        return metrics


class ParityComparison:
    """Comparison of two forms that must agree.

    Args:
        name: The name of the pair in metric names.
        rules: Tolerances by output.
        exact: Whether outputs must be equal bit for bit.
    """

    def __init__(self, name: str, rules: Sequence[Tolerance] = (), *, exact: bool = False) -> None:
        self._comparison = Comparison(name, exact=exact, rules=rules)

    def add(self, batch: InputBatch, expected: ArrayMapping, actual: ArrayMapping) -> None:
        """Compare the outputs of one batch; those with a tolerance in units of the inputs."""
        if not self._comparison.exact:
            expected = divide_by_units(expected, batch.units)
            actual = divide_by_units(actual, batch.units)
        self._comparison.add(expected, actual, batch.count, batch.name, batch.first)

    def fail(self, inputs: str, reason: str) -> None:
        """Record that the second form has no outputs for these inputs."""
        self._comparison.fail(inputs, reason)

    def metrics(self) -> Metrics:
        """Return the metrics by name."""
        return self._comparison.metrics()


class DenseComparison:
    """Similarity of the outputs of the dense and of the pruned model.

    Every batch shows whether the pruned model has the outputs of the dense one, with finite
    values. The similarity is that on samples of real data, or without them on random inputs;
    stress inputs would say more about themselves than about the model.

    Args:
        of_samples: Whether there are samples of real data.
    """

    def __init__(self, *, of_samples: bool) -> None:
        self._all = Comparison("dense")
        self._chosen = Comparison("dense")
        self._equal: dict[str, tuple[int, int]] = {}
        self._of_samples = of_samples

    def add(self, batch: InputBatch, expected: ArrayMapping, actual: ArrayMapping) -> None:
        """Compare the outputs of one batch."""
        if batch.scale > LARGEST_SCALE:
            return
        self._all.add(expected, actual, batch.count, batch.name, batch.first)
        if batch.source if self._of_samples else batch.name == "random":
            self._chosen.add(expected, actual, batch.count, batch.name, batch.first)
            self._count_equal(expected, actual)

    def _count_equal(self, expected: ArrayMapping, actual: ArrayMapping) -> None:
        """Count equal elements of outputs without a direction: integers, booleans and texts."""
        for name in expected.keys() & actual.keys():
            a, b = expected[name], actual[name]
            if a.dtype.kind != "f" and a.shape == b.shape and a.size:
                same, total = self._equal.get(name, (0, 0))
                self._equal[name] = same + int((a == b).sum()), total + a.size

    def fail(self, inputs: str, reason: str) -> None:
        """Record that the pruned model has no outputs for these inputs."""
        self._all.fail(inputs, reason)

    def metrics(self) -> Metrics:
        """Return the metrics of the model, then those of each output."""
        compared = self._all.metrics()
        total = {f"similarity.{name}": compared[f"parity.dense.{name}"] for name in STRUCTURE}
        outputs = dict(self._output_metrics())
        note = "samples" if self._of_samples else "random inputs"
        for name in (*LOWEST, "equal"):
            values = [metric for key, metric in outputs.items() if key.endswith(f".{name}")]
            if values:
                lowest = min(values, key=_rank_value)
                text = f"lowest of all outputs, on {note}" if len(values) > 1 else f"on {note}"
                total[f"similarity.{name}"] = Metric(lowest.value, lowest.unit, note=text)
        return total | outputs

    def _output_metrics(self) -> Iterator[tuple[str, Metric]]:
        for word, output in name_outputs(self._chosen.outputs):
            prefix = f"similarity.outputs.{word}"
            for key, metric in output.metrics(prefix).items():
                if key.rpartition(".")[2] not in {"tolerance", "beyond_tolerance"}:
                    yield key, metric
            if output.name in self._equal:
                same, total = self._equal[output.name]
                yield f"{prefix}.equal", Metric(100 * same / total, "%", note="equal elements")


def _rank_value(metric: Metric) -> tuple[bool, float]:
    """Return a key that puts NaN first, then the lowest value."""
    return not math.isnan(metric.value), metric.value
