"""Limits on measured figures, and the checks that hold one against the other."""

from __future__ import annotations

import fnmatch
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from prunepack.errors import UsageError
from stages.registry import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stages.metrics import Metric

__all__ = ["ALWAYS", "Check", "Limit", "LimitText", "checks_of", "merged"]

ALWAYS = (
    "parity.torch_onnx.samples >= 1",
    "parity.torch_onnx.outputs >= 1",
    "parity.torch_onnx.unmatched_outputs <= 0",
    "parity.torch_onnx.nonfinite <= 0",
    "parity.torch_onnx.tolerance <= 1e-4",
    "parity.weights.unmatched_files <= 0",
    "parity.weights.differing_bytes <= 0",
    "parity.session.unmatched_outputs <= 0",
    "parity.session.differing_values <= 0",
    "runtime.provider_mismatches <= 0",
    "latency.provider_mismatches <= 0",
)
"""What no deployment may do without; a limit of the user's on the same figure replaces one."""

_LIMIT = re.compile(r"\s*(?P<name>[\w.]+)\s*(?P<sense><=|>=)\s*(?P<bound>[-+.\deE]+)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure may be at most or at least, as in ``size.ratio >= 8.5``."""

    name: str
    sense: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME <= NUMBER`` or ``NAME >= NUMBER``.

        Raises:
            ValueError: If ``text`` is not of that form.
        """
        match = _LIMIT.fullmatch(text)
        try:
            bound = float(match["bound"]) if match else math.nan
        except ValueError:
            bound = math.nan
        if match is None or not math.isfinite(bound):
            raise ValueError(
                f"{text!r} is not a limit: expected NAME <= NUMBER or NAME >= NUMBER, "
                "such as 'size.ratio >= 8.5'"
            )
        return cls(match["name"], "<=" if match["sense"] == "<=" else ">=", bound)

    def __str__(self) -> str:
        return f"{self.name} {self.sense} {self.bound:g}"


def _parsed(text: str) -> str:
    Limit.parse(text)
    return text


LimitText = Annotated[str, AfterValidator(_parsed)]
"""A limit as people write it; checked when the config is read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against one limit."""

    limit: Limit
    metric: Metric

    @property
    def passed(self) -> bool:
        """Say whether the limit holds.

        NaN never passes. An estimate with an interval fails only where the whole interval is
        beyond the limit, so that noise alone cannot fail a build.
        """
        value, low, high = self.metric.value, self.metric.low, self.metric.high
        if math.isnan(value):
            return False
        if self.limit.sense == "<=":
            best = value if low is None or math.isnan(low) else min(value, low)
            return best <= self.limit.bound
        best = value if high is None or math.isnan(high) else max(value, high)
        return best >= self.limit.bound


def merged(own: Iterable[str], skip: Iterable[str]) -> list[Limit]:
    """Return the limits of :data:`ALWAYS` with the user's ``own`` over them, less ``skip``.

    Args:
        own: Limits in text form.
        skip: Globs over the names of figures.
    """
    limits = {(limit.name, limit.sense): limit for limit in map(Limit.parse, (*ALWAYS, *own))}
    globs = list(skip)
    return [
        limit
        for limit in limits.values()
        if not any(fnmatch.fnmatchcase(limit.name, glob) for glob in globs)
    ]


def checks_of(limits: Iterable[Limit], metrics: Mapping[str, Metric]) -> list[Check]:
    """Hold every limit against its figure.

    Raises:
        UsageError: If a limit names a figure that was not measured.
    """
    checks = []
    for limit in limits:
        if limit.name not in metrics:
            raise UsageError(
                f"the limit {str(limit)!r} is on a figure that was not measured",
                do=near(limit.name, metrics),
            )
        checks.append(Check(limit, metrics[limit.name]))
    return checks
