"""Metrics and checks as text: numbers with units, intervals, and the result of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.stages.metrics.limits import Check
    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import CheckResult

__all__ = ["describe_result", "format_metric", "format_number", "summarize_verdict"]


def format_number(value: float | None, unit: str = "") -> str:
    """Return a number for people, with its unit."""
    if value is None:
        return ""
    whole = float(value).is_integer() and abs(value) < 1e15
    text = f"{value:,.0f}" if whole else f"{value:.4g}"
    return f"{text} {unit}".strip()


def format_metric(metric: Metric) -> str:
    """Return a metric's value, with its interval if it has one."""
    text = format_number(metric.value, metric.unit)
    if metric.low is None or metric.high is None:
        return text
    return f"{text} [{format_number(metric.low)}, {format_number(metric.high)}]"


def describe_result(check: Check) -> str:
    """Return the measured value and, if undecided, the number of samples that would decide."""
    text = f"measured {format_metric(check.metric)}"
    if check.limit.reference:
        text += f", the threshold is {format_number(check.threshold, check.metric.unit)}"
    if check.replaces is not None:
        text += f"; relaxed from {check.replaces.right_side} to {check.limit.right_side}"
    if check.doubt:
        text += f"; undecided: {check.doubt}"
    elif check.outcome == "undecided":
        text += f"; {format_number(check.samples) or 'these'} samples leave it undecided"
        if check.samples_needed is not None:
            text += f", about {check.samples_needed:,} would decide if the value stays the same"
    return text


def summarize_verdict(verdict: str, results: Sequence[CheckResult], quality: str) -> str:
    """Return the verdict in one line, with the names of the checks that did not pass.

    Args:
        verdict: The verdict.
        results: The results of all checks.
        quality: The reason why they say nothing about accuracy; empty if they do.
    """
    names: dict[str, list[str]] = {"passed": [], "failed": [], "undecided": []}
    for result in results:
        names[result.outcome].append(result.name)
    own = names.get(verdict, [])
    listed = [] if verdict == "passed" else own
    text = f"{verdict}: {', '.join([f'{len(own)} of {len(results)} checks', *listed])}"
    text += _list_names("undecided", [] if verdict == "undecided" else names["undecided"])
    text += _list_names("relaxed", [each.name for each in results if each.replaces is not None])
    return f"{text}; {quality}" if quality and results else text


def _list_names(word: str, names: Sequence[str]) -> str:
    return f"; {word}: {', '.join([str(len(names)), *names])}" if names else ""
