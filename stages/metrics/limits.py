"""Limits on measured figures, and the checks that hold one against the other."""

from __future__ import annotations

import fnmatch
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.stages.metrics.metric import Metric

__all__ = [
    "ALWAYS",
    "HOST_DEPENDENT",
    "Check",
    "Limit",
    "LimitText",
    "Outcome",
    "matches",
    "merge_limits",
]

ALWAYS = (
    "parity.torch_onnx.samples >= 1",
    "parity.torch_onnx.outputs >= 1",
    "parity.torch_onnx.values >= 1",
    "parity.torch_onnx.unmatched_outputs <= 0",
    "parity.torch_onnx.nonfinite <= 0",
    "parity.torch_onnx.beyond_tolerance <= 0",
    "parity.weights.files >= 1",
    "parity.weights.unmatched_files <= 0",
    "parity.weights.differing_bytes <= 0",
    "parity.weights.changed_values <= 0",
    "parity.session.samples >= 1",
    "parity.session.outputs >= 1",
    "parity.session.values >= 1",
    "parity.session.unmatched_outputs <= 0",
    "parity.session.differing_values <= 0",
    "parity.inputs.axes_at_one_size <= 0",
    "torch.training_layers <= 0",
    "torch.unsteady_values <= 0",
    "runtime.provider_mismatches <= 0",
    "runtime.nodes_elsewhere <= 0",
    "latency.provider_mismatches <= 0",
    "graph.refused_domains <= 0",
)
"""What no deployment may do without; a limit of the user's on the same figure replaces one."""

HOST_DEPENDENT = ("latency.*", "memory.*", "session.*", "throughput.*")
"""Figures of a machine: more runs make them no truer, so only the whole interval can fail one."""

Sense = Literal["<=", ">="]
Outcome = Literal["passed", "failed", "undecided"]

_NUMBER = r"[-+.\deE]+"
_REFERENCE = r"baseline|dense|[A-Za-z_]\w*(?:\.[\w:/-]+)+"
_LIMIT = re.compile(
    rf"\s*(?P<name>[A-Za-z_*?][\w.:/*?-]*)\s*(?P<sense><=|>=)\s*"
    rf"(?:(?P<number>{_NUMBER})"
    rf"|(?:(?P<factor>{_NUMBER})\s*[x×*]\s*)?(?P<of>{_REFERENCE})"
    rf"(?:\s*(?P<sign>[-+])\s*(?P<plus>{_NUMBER}))?)\s*"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure may be at most or at least, as in ``size.ratio >= 8.5``.

    Attributes:
        name: The figure's name, or a glob over names.
        sense: Whether the bound is the most or the least.
        bound: The bound; what is added to the other figure where there is one.
        of: What the bound is relative to: ``baseline``, ``dense`` or a figure; empty for nothing.
        factor: How many times that.
    """

    name: str
    sense: Sense
    bound: float
    of: str = ""
    factor: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME <= NUMBER`` or ``NAME <= NUMBER x REFERENCE + NUMBER``, or with ``>=``.

        A reference is ``baseline``, ``dense`` or a figure; both numbers beside it may be left out.

        Raises:
            ValueError: If ``text`` is not of that form.
        """
        match = _LIMIT.fullmatch(text)
        numbers = {} if match is None else _numbers(match)
        if match is None or not all(map(math.isfinite, numbers.values())):
            raise ValueError(
                f"{text!r} is not a limit: expected NAME <= NUMBER or NAME >= NUMBER, where a "
                "number may be relative, such as 'size.ratio >= 8.5' or "
                "'size.artifact <= 1.02 x baseline'"
            )
        sense: Sense = "<=" if match["sense"] == "<=" else ">="
        return cls(match["name"], sense, numbers["bound"], match["of"] or "", numbers["factor"])

    @property
    def is_glob(self) -> bool:
        """Whether it is held against every figure that matches."""
        return "*" in self.name or "?" in self.name

    def __str__(self) -> str:
        if not self.of:
            return f"{self.name} {self.sense} {_plain(self.bound)}"
        times = "" if self.factor == 1 else f"{_plain(self.factor)} x "
        sign = "+" if self.bound > 0 else "-"
        plus = f" {sign} {_plain(abs(self.bound))}" if self.bound else ""
        return f"{self.name} {self.sense} {times}{self.of}{plus}"


def _numbers(match: re.Match[str]) -> dict[str, float]:
    """Return the numbers of a limit; NaN for what only looks like one."""
    sign = -1 if match["sign"] == "-" else 1
    plus = sign * _number(match["plus"] or "0")
    bound = plus if match["of"] else _number(match["number"])
    return {"bound": bound, "factor": _number(match["factor"] or "1")}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _plain(value: float) -> str:
    """Return the shortest text that is read back as ``value``."""
    return repr(float(value)).removesuffix(".0")


def _parsed(text: str) -> str:
    Limit.parse(text)
    return text


LimitText = Annotated[str, AfterValidator(_parsed)]
"""A limit as people write it; checked when the config is read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against one limit.

    Attributes:
        limit: The limit, on this figure alone.
        metric: The figure.
        bound: The number that it may be at most or at least.
        samples: How many samples the figure is an estimate from, if that is known.
    """

    limit: Limit
    metric: Metric
    bound: float
    samples: int | None = None

    @property
    def outcome(self) -> Outcome:
        """Say whether the limit holds.

        NaN fails. A figure with an interval fails where the whole interval is beyond the limit and
        passes where the whole of it is within. In between, a metric in :data:`HOST_DEPENDENT`
        passes, and any other is undecided: there are too few samples.
        """
        metric = self.metric
        ends = [end for end in (metric.value, metric.low, metric.high) if end is not None]
        if any(map(math.isnan, (*ends, self.bound))):
            return "failed"
        best, worst = (min(ends), max(ends)) if self.limit.sense == "<=" else (max(ends), min(ends))
        if not self._allows(best):
            return "failed"
        if self._allows(worst) or matches(self.limit.name, HOST_DEPENDENT):
            return "passed"
        return "undecided"

    @property
    def needs(self) -> int | None:
        """How many samples would decide if the figure stays as it is; None where none can be told.

        It is counted by :func:`prunepack.stages.metrics.intervals.count_required_samples`.
        """
        from prunepack.stages.metrics.intervals import count_required_samples

        value, low, high = self.metric.value, self.metric.low, self.metric.high
        if self.outcome != "undecided" or low is None or high is None or not self.samples:
            return None
        return count_required_samples(value, low, high, self.bound, self.samples)

    def _allows(self, value: float) -> bool:
        return value <= self.bound if self.limit.sense == "<=" else value >= self.bound


def matches(name: str, globs: Iterable[str]) -> bool:
    """Say whether ``name`` matches one of ``globs``; case counts."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def merge_limits(own: Iterable[str]) -> list[Limit]:
    """Return the limits of :data:`ALWAYS` with the user's ``own``, in text form, over them."""
    return list({(one.name, one.sense): one for one in map(Limit.parse, (*ALWAYS, *own))}.values())
