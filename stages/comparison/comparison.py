"""Comparison of two forms of a model: every output, every element."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.comparison.error import Deviation, describe_shared
from prunepack.stages.comparison.tolerances import (
    EXACT,
    AllowedError,
    Tolerance,
    find_allowed_error,
)
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, ArrayMapping

__all__ = ["Comparison", "name_outputs"]


@dataclass
class Comparison:
    """Comparison of two forms over batches of the same inputs.

    Attributes:
        name: The name of the pair in metric names, such as ``torch_onnx``.
        exact: Whether outputs must be equal bit for bit, without a tolerance.
        rules: Tolerances by output; the dtype decides where no rule matches.
        lenient: Whether a rule cannot be stricter than the default of its dtype.
        outputs: The deviation of each output that both forms have.
        problems: The reason why an output cannot be compared, by its name.
        differing: The number of elements whose bits differ, by output.
        samples: The number of compared samples.
    """

    name: str
    exact: bool = False
    rules: Sequence[Tolerance] = ()
    lenient: bool = False
    outputs: dict[str, Deviation] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def add(
        self,
        expected: ArrayMapping,
        actual: ArrayMapping,
        samples: int,
        inputs: str = "",
        first: int | None = None,
    ) -> None:
        """Compare the outputs of one batch.

        Args:
            expected: Outputs by name.
            actual: Outputs by name.
            samples: The number of samples in the batch.
            inputs: The name of the inputs, for the note on the worst element.
            first: The index of the batch's first sample; by default, the samples so far.
        """
        start = self.samples if first is None else first
        self.samples += samples
        for name in sorted(expected.keys() | actual.keys()):
            if name not in expected or name not in actual:
                side = "missing" if name in expected else "extra"
                self.problems[name] = f"{name} is {side}"
                continue
            batched = expected[name].shape[:1] == (samples,)
            self._compare(name, expected[name], actual[name], start if batched else 0, inputs)

    def fail(self, inputs: str, reason: str) -> None:
        """Record that one form has no outputs for these inputs."""
        self.problems[inputs] = f"{inputs}: {reason}"

    def _compare(self, name: str, a: Array, b: Array, first: int, inputs: str) -> None:
        if a.shape != b.shape or a.dtype != b.dtype:
            self.problems[name] = f"{name}: {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
            return
        if a.dtype.kind not in "biufc":  # text is either equal or not
            a, b = np.ones(a.shape, bool), a == b
        if name not in self.outputs:
            self.outputs[name] = Deviation(name, self._find_allowed_error(name, str(a.dtype)))
        if self.exact:
            self.differing[name] = self.differing.get(name, 0) + _count_differing(a, b)
        self.outputs[name].add(a, b, first, inputs)

    def _find_allowed_error(self, name: str, dtype: str) -> AllowedError:
        if self.exact:
            return EXACT
        allowed = find_allowed_error(self.rules, name, dtype)
        return allowed.widen(find_allowed_error((), name, dtype)) if self.lenient else allowed

    def metrics(self) -> Metrics:
        """Return the metrics of the comparison by name, then those of each output."""
        compared = [output for output in self.outputs.values() if output.values]
        problems = [*self.problems.values(), *self._list_unseen_outputs()]
        note = "; ".join(sorted(problems))
        total = {
            "samples": Metric(self.samples, "samples"),
            "outputs": Metric(len(compared), "outputs"),
            "values": Metric(sum(output.values for output in compared), "values"),
            "unmatched_outputs": Metric(len(problems), "outputs", note=note),
        }
        total |= (
            self._exact_metrics() if self.exact else _deviation_metrics([*self.outputs.values()])
        )
        metrics: Metrics = {f"parity.{self.name}.{name}": metric for name, metric in total.items()}
        if not self.exact:
            for word, output in name_outputs(self.outputs):
                metrics |= output.metrics(f"parity.{self.name}.outputs.{word}")
        return metrics

    def _list_unseen_outputs(self) -> Iterator[str]:
        """Yield a problem for each output that never had an element to compare."""
        for name, output in self.outputs.items():
            if not output.values:
                reason = "never finite" if output.shared_nonfinite else "always empty"
                yield f"{name} is {reason}"

    def _exact_metrics(self) -> Metrics:
        count = sum(self.differing.values())
        worst = [o.worst_element for name, o in self.outputs.items() if self.differing[name]]
        return {"differing_values": Metric(count, "values", note="; ".join(worst[:3]))}


def _deviation_metrics(outputs: Sequence[Deviation]) -> Metrics:
    """Return the worst tolerance and the sums over outputs; NaN if no output was compared."""
    shared = describe_shared(sum(output.shared_nonfinite for output in outputs))
    nonfinite = Metric(sum(output.nonfinite for output in outputs), "values", note=shared)
    compared = [output for output in outputs if output.values]
    if not compared:
        return {
            "nonfinite": nonfinite,
            "tolerance": Metric(math.nan, note="no output was compared"),
            "beyond_tolerance": Metric(math.nan, "values", note="no output was compared"),
        }
    worst = max(compared, key=lambda output: (math.isnan(output.tolerance), output.tolerance))
    beyond = [output for output in compared if output.beyond_tolerance]
    note = "; ".join(output.worst_element for output in beyond[:3])
    count = sum(output.beyond_tolerance for output in beyond)
    return {
        "nonfinite": nonfinite,
        "tolerance": Metric(worst.tolerance, note=worst.worst_element),
        "beyond_tolerance": Metric(count, "values", note=note),
    }


def _count_differing(a: Array, b: Array) -> int:
    """Return the number of elements whose bits differ."""
    bits = f"V{a.dtype.itemsize}"
    differing = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    return int(differing.sum())


def name_outputs(outputs: Mapping[str, Deviation]) -> Iterator[tuple[str, Deviation]]:
    """Yield each output with a unique name that is valid inside a metric name."""
    taken: set[str] = set()
    for name, output in sorted(outputs.items()):
        word = plain = re.sub(r"[^\w.]", "_", name)
        number = 1
        while word in taken:
            number += 1
            word = f"{plain}_{number}"
        taken.add(word)
        yield word, output
