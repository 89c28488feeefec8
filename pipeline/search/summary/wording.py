"""Trials and searches in a few words, for the table and the page."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.pipeline.search.result import Score
    from prunepack.pipeline.search.summary.findings import Findings

__all__ = [
    "count_outcomes",
    "describe_outcome",
    "format_score",
    "format_settings",
    "suggest_command",
]


def count_outcomes(findings: Findings) -> str:
    """Return the numbers of trials by their ends, and that of the front."""
    states = Counter(result.state for result in findings.results.values())
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    trials = "1 trial" if states.total() == 1 else f"{states.total()} trials"
    return f"{trials}: {counts}; {len(findings.front)} on the front."


def suggest_command(findings: Findings) -> str:
    """Return the command that writes the best trial as a recipe; empty without a front."""
    best = (findings.better or findings.front)[:1]
    return "".join(f"prunepack search {shlex.quote(findings.source)} --take {n}" for n in best)


def describe_outcome(findings: Findings, number: int) -> str:
    """Return the place of a trial among the others, in a few words."""
    result = findings.results[number]
    if result.state != "finished":
        return result.state
    if result.violation:
        return "beyond limits"
    if number in findings.better:
        return "better than the recipe"
    return "on the front" if number in findings.front else "dominated"


def format_score(score: Score) -> str:
    """Return a value with its unit and its interval."""
    return format_metric(Metric(score.value, score.unit, score.low, score.high))


def format_settings(settings: Mapping[str, Any]) -> str:
    """Return settings in one line."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
