"""The report: what was measured and judged, as one value; for machines as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from prunepack.stages.metrics.files import FORMAT
from prunepack.stages.metrics.metric import metrics_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.metrics.limits import Check
    from prunepack.stages.metrics.metric import Metric

__all__ = ["Report", "figure", "finding", "measured", "reason", "to_json"]

Word = Literal["passed", "failed", "undecided", "nothing was checked"]


@dataclass(frozen=True, slots=True)
class Report:
    """Figures, the checks made on them, and what they were measured on.

    Attributes:
        checks: Every limit with its figure.
        metrics: Every figure, limited or not.
        digests: SHA-256 by what it is of.
        host: The machine that the times were measured on.
        baseline: SHA-256 of what the limits were relative to; None without a baseline.
        budgets: What was asked for: limits, what was left out, what was allowed.
        lenient: Whether a check that cannot tell lets the release pass.
    """

    checks: tuple[Check, ...]
    metrics: Mapping[str, Metric]
    digests: Mapping[str, str]
    host: str
    baseline: Mapping[str, str] | None = None
    budgets: Mapping[str, Any] = field(default_factory=dict)
    lenient: bool = False

    @property
    def verdict(self) -> Word:
        """``passed``, ``failed``, ``undecided`` or ``nothing was checked``.

        No check is not a pass; one that cannot tell is none either, unless ``lenient``.
        """
        if not self.checks:
            return "nothing was checked"
        outcomes = {check.outcome for check in self.checks}
        if "failed" in outcomes:
            return "failed"
        return "undecided" if "undecided" in outcomes and not self.lenient else "passed"

    @property
    def exit_code(self) -> int:
        """The exit code that a build is gated on."""
        return {"passed": 0, "failed": 1, "undecided": 1}.get(self.verdict, 5)

    @property
    def open(self) -> tuple[Check, ...]:
        """The checks that did not pass, failed ones first."""
        found = [check for check in self.checks if check.outcome != "passed"]
        return tuple(sorted(found, key=lambda check: check.outcome != "failed"))

    @property
    def summary(self) -> str:
        """The verdict in one line, with the names of the checks that did not pass."""
        names: dict[str, list[str]] = {"passed": [], "failed": [], "undecided": []}
        for check in self.checks:
            names[check.outcome].append(check.limit.name)
        own = names.get(self.verdict, [])
        told = ", ".join(
            [f"{len(own)} of {len(self.checks)} checks", *([] if self.verdict == "passed" else own)]
        )
        more = names["undecided"] if self.verdict != "undecided" else []
        rest = f"; undecided: {', '.join([str(len(more)), *more])}" if more else ""
        return f"{self.verdict}: {told}{rest}"


def figure(value: float | None, unit: str = "") -> str:
    """Return a number as people read it, with its unit."""
    if value is None:
        return ""
    whole = float(value).is_integer() and abs(value) < 1e15
    text = f"{value:,.0f}" if whole else f"{value:.4g}"
    return f"{text} {unit}".strip()


def measured(metric: Metric) -> str:
    """Return a figure with its interval, if it has one."""
    text = figure(metric.value, metric.unit)
    if metric.low is None or metric.high is None:
        return text
    return f"{text} [{figure(metric.low)}, {figure(metric.high)}]"


def finding(check: Check) -> str:
    """Say in one line what a check found, and what would settle it."""
    text = f"measured {measured(check.metric)}"
    if check.limit.of:
        text += f", the bound is {figure(check.bound, check.metric.unit)}"
    if check.outcome == "undecided":
        text += f"; {figure(check.samples) or 'these'} samples are not enough to tell"
        if check.needs is not None:
            text += f", about {check.needs:,} would do if the figure stays"
    return text


def reason(check: Check) -> str:
    """Return the limit and what was found."""
    return f"{check.limit}, {finding(check)}"


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON values; ``report.schema.json`` beside this module describes them.

    ``passed`` says whether the check lets the release pass, ``outcome`` what it came to.
    """
    checks = [
        {
            "name": check.limit.name,
            "limit": str(check.limit),
            "bound": check.bound,
            "outcome": check.outcome,
            "passed": check.outcome == "passed" or (report.lenient and check.outcome != "failed"),
            "samples_needed": check.needs,
            "reason": reason(check),
            **metrics_to_json({"": check.metric})[""],
        }
        for check in report.checks
    ]
    return {
        "format": FORMAT,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "summary": report.summary,
        "checks": checks,
        "metrics": metrics_to_json(report.metrics),
        "digests": dict(report.digests),
        "host": report.host,
        "baseline": None if report.baseline is None else dict(report.baseline),
        "budgets": dict(report.budgets),
    }
