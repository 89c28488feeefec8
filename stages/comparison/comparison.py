"""How far two sets of outputs are apart; every output, every element, NaN never equal."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.comparison.error import Deviation
from prunepack.stages.comparison.tolerances import (
    EXACT,
    AllowedError,
    Tolerance,
    find_allowed_error,
)
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Comparison"]


@dataclass
class Comparison:
    """The running comparison of two programs over batches of the same samples.

    Attributes:
        link: What is compared, for the metrics' names, such as ``torch_onnx``.
        exact: Whether the rule is bit for bit, not a tolerance.
        rules: How far outputs may be apart; by dtype where none matches.
        lenient: Whether a rule that is stricter than the usual for its dtype counts as the usual.
        outputs: The figures of each output that both sides have.
        problems: What cannot be compared, by the output's name.
    """

    link: str
    exact: bool = False
    rules: Sequence[Tolerance] = ()
    lenient: bool = False
    outputs: dict[str, Deviation] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def add(
        self,
        expected: Mapping[str, Array],
        found: Mapping[str, Array],
        samples: int,
        case: str = "",
        first: int | None = None,
    ) -> None:
        """Compare one batch of outputs.

        Args:
            expected: Outputs by name.
            found: Outputs by name.
            samples: The size of the batch.
            case: What the inputs were, for the note on the worst element.
            first: The number of the batch's first sample; counted up if not given.
        """
        start = self.samples if first is None else first
        self.samples += samples
        for name in sorted(expected.keys() | found.keys()):
            if name not in expected or name not in found:
                side = "missing" if name in expected else "extra"
                self.problems[name] = f"{name} is {side}"
                continue
            batched = expected[name].shape[:1] == (samples,)
            self._compare(name, expected[name], found[name], start if batched else 0, case)

    def fail(self, what: str, reason: str) -> None:
        """Record that one side had no outputs to compare at all."""
        self.problems[what] = f"{what}: {reason}"

    def _compare(self, name: str, a: Array, b: Array, first: int, case: str) -> None:
        if a.shape != b.shape or a.dtype != b.dtype:
            self.problems[name] = f"{name}: {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
            return
        if a.dtype.kind not in "biufc":  # text, which is equal or not
            a, b = np.ones(a.shape, bool), a == b
        if name not in self.outputs:
            self.outputs[name] = Deviation(name, self._allowed(name, str(a.dtype)))
        if self.exact:
            self.differing[name] = self.differing.get(name, 0) + _differing(a, b)
        self.outputs[name].add(a, b, first, case)

    def _allowed(self, name: str, dtype: str) -> AllowedError:
        if self.exact:
            return EXACT
        rule = find_allowed_error(self.rules, name, dtype)
        return rule.widen(find_allowed_error((), name, dtype)) if self.lenient else rule

    def metrics(self) -> Metrics:
        """Return the figures of the comparison by name, then those of each output."""
        compared = [one for one in self.outputs.values() if one.values]
        problems = [*self.problems.values(), *self._empty()]
        total = {
            "samples": Metric(self.samples, "samples"),
            "outputs": Metric(len(compared), "outputs"),
            "values": Metric(sum(one.values for one in compared), "values"),
            "unmatched_outputs": Metric(len(problems), "outputs", note="; ".join(sorted(problems))),
        }
        total |= self._exact() if self.exact else _judged(compared)
        found: Metrics = {f"parity.{self.link}.{name}": one for name, one in total.items()}
        if not self.exact:
            for word, one in _words(self.outputs):
                found |= one.metrics(f"parity.{self.link}.outputs.{word}")
        return found

    def _empty(self) -> Iterator[str]:
        """Name the outputs that never had an element: nothing is known about them."""
        yield from (
            f"{name} is always empty" for name, one in self.outputs.items() if not one.values
        )

    def _exact(self) -> Metrics:
        differing = sum(self.differing.values())
        places = [one.worst_element for name, one in self.outputs.items() if self.differing[name]]
        return {"differing_values": Metric(differing, "values", note="; ".join(places[:3]))}


def _judged(compared: Sequence[Deviation]) -> Metrics:
    """Return the worst and the sums over outputs; NaN if one is NaN or none was compared."""
    if not compared:
        return {
            "nonfinite": Metric(0, "values"),
            "tolerance": Metric(math.nan, note="no output was compared"),
            "beyond_tolerance": Metric(math.nan, "values", note="no output was compared"),
        }
    worst = max(compared, key=lambda one: (math.isnan(one.tolerance), one.tolerance))
    beyond = [one for one in compared if one.beyond_tolerance]
    return {
        "nonfinite": Metric(sum(one.nonfinite for one in compared), "values"),
        "tolerance": Metric(worst.tolerance, note=worst.worst_element),
        "beyond_tolerance": Metric(
            sum(one.beyond_tolerance for one in beyond),
            "values",
            note="; ".join(one.worst_element for one in beyond[:3]),
        ),
    }


def _differing(a: Array, b: Array) -> int:
    """Count the elements whose bits differ."""
    bits = f"V{a.dtype.itemsize}"
    different = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    return int(different.sum())


def _words(outputs: Mapping[str, Deviation]) -> Iterator[tuple[str, Deviation]]:
    """Yield each output with a name that can be part of a figure's, and that no other one has."""
    taken: set[str] = set()
    for name, one in sorted(outputs.items()):
        word = plain = re.sub(r"[^\w.]", "_", name)
        number = 1
        while word in taken:
            number += 1
            word = f"{plain}_{number}"
        taken.add(word)
        yield word, one
