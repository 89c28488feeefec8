"""Runs and their differences in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from prunepack.pipeline.runs.comparison import Change
    from prunepack.pipeline.runs.run import Run

__all__ = ["describe_outcome", "format_change", "format_optional"]

MOST = 40
"""Largest number of characters of a setting."""


def describe_outcome(run: Run) -> str:
    """Return the verdict of a run, or how far it came."""
    if run.verdict is not None:
        return str(run.verdict.facts["summary"])
    last = run.events[-1].stage if run.events else "nothing"
    if run.finished or run.stopped:
        return f"stopped after {last}"
    return f"did not finish: {last} was its last stage"


def format_change(change: Change) -> tuple[str, ...]:
    """Return the values of a setting or a metric, one per run."""
    return tuple(map(_format_value, change.values))


def _format_value(value: Any) -> str:
    if value is None or isinstance(value, Metric):
        return format_optional(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def format_optional(metric: Metric | None) -> str:
    """Return a metric in words; a dash for one that is missing."""
    return "–" if metric is None else format_metric(metric)
