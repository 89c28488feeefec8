"""Comparison of runs: settings that differ, and metrics that moved beyond their intervals."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from prunepack.pipeline.runs.differences import describe_differences
from prunepack.pipeline.runs.run import number_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunepack.pipeline.keys.material import Material
    from prunepack.pipeline.runs.run import Run
    from prunepack.stages.metrics.metric import Metric, Metrics

__all__ = [
    "Change",
    "RunsComparison",
    "compare_metrics",
    "compare_plans",
    "compare_runs",
    "describe_other_changes",
]

SPREAD = re.compile(
    r"(latency|memory)\..*|accuracy\.(lost|gained|mcnemar)"
    r"|parity\..*(absolute|relative|tolerance|sqnr_db|cosine)"
)
"""Metrics that vary from run to run by an amount that nobody measured: times without an interval,
rounding errors, and the parts of an estimate that has an interval."""

OUTSIDE = ("code", "user", "tools", "python", "host")
"""Parts of a key that no recipe decides."""


class Change(NamedTuple):
    """A setting or a metric that differs between runs.

    Attributes:
        name: Its name, such as ``prune.amount``.
        values: Its value in each run; None where it does not exist.
    """

    name: str
    values: tuple[Any, ...]


class RunsComparison(NamedTuple):
    """Differences between runs.

    Attributes:
        names: The runs in words, such as ``run 1 (base)``.
        settings: The settings that differ.
        metrics: The metrics that differ.
        others: Changes beside the recipe, in words.
    """

    names: tuple[str, ...]
    settings: list[Change]
    metrics: list[Change]
    others: list[str]


def compare_runs(runs: Sequence[Run]) -> RunsComparison:
    """Compare every run with the first one."""
    return RunsComparison(
        names=tuple(f"run {run.number}" + (f" ({run.name})" if run.name else "") for run in runs),
        settings=compare_plans(runs),
        metrics=compare_metrics([run.read_metrics() for run in runs]),
        others=[
            f"run {run.number}: {text}"
            for run in runs[1:]
            for text in describe_other_changes(runs[0], run)
        ],
    )


def compare_plans(runs: Sequence[Run]) -> list[Change]:
    """Return the settings that differ, chosen or by default, in the order of the recipe."""
    plans = [run.flatten_plan() for run in runs]
    return _select_changes(plans, lambda first, other: first != other)


def compare_metrics(metrics: Sequence[Metrics]) -> list[Change]:
    """Return the metrics whose values lie beyond the interval of the first run.

    Two estimates differ if their 95 % intervals do not overlap. Of the metrics without an
    interval, those differ that are exact, such as a size.
    """
    judged = [
        {name: metric for name, metric in each.items() if _is_judged(name, metric)}
        for each in metrics
    ]
    return _select_changes(judged, _has_moved)


def describe_other_changes(first: Run, other: Run) -> list[str]:
    """Return in words what changed beside the recipe: code, the user's files, versions, machine."""
    before = dict(number_calls(first.events))
    found = [
        text
        for place, event in number_calls(other.events)
        if place in before
        for text in _describe_outside(before[place].material, event.material)
    ]
    return list(dict.fromkeys(found))


def _describe_outside(before: Material, after: Material) -> list[str]:
    outside = {name: getattr(before, name) for name in OUTSIDE}
    return describe_differences(after.model_copy(update=outside), after)


def _select_changes(
    sides: Sequence[Mapping[str, Any]], differ: Callable[[Any, Any], bool]
) -> list[Change]:
    """Return the names whose values on a later side differ from those on the first one."""
    names = dict.fromkeys(name for side in sides for name in side)
    changes = (Change(name, tuple(side.get(name) for side in sides)) for name in names)
    return [
        change
        for change in changes
        if any(differ(change.values[0], other) for other in change.values[1:])
    ]


def _is_judged(name: str, metric: Metric) -> bool:
    return metric.low is not None or not SPREAD.fullmatch(name)


def _has_moved(first: Metric | None, other: Metric | None) -> bool:
    """Return whether the intervals of two metrics do not overlap; an exact value is a point."""
    if first is None or other is None:
        return first is not other
    if math.isnan(first.value) or math.isnan(other.value):
        return math.isnan(first.value) != math.isnan(other.value)
    lows, highs = zip(*map(_get_interval, (first, other)), strict=True)
    return bool(max(lows) > min(highs))


def _get_interval(metric: Metric) -> tuple[float, float]:
    low = metric.value if metric.low is None else metric.low
    return low, metric.value if metric.high is None else metric.high
