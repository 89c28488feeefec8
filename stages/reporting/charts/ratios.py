"""Costs of the pruned model divided by those of the dense one: times, memory, operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line
from prunepack.stages.reporting.drawing.scale import Scale, draw_axis, list_ticks
from prunepack.stages.reporting.drawing.words import format_short, format_times

if TYPE_CHECKING:
    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import Report

__all__ = ["describe_ratio", "draw_ratios", "list_ratios"]

PATTERN = re.compile(r"(?P<subject>latency|memory|macs)(?:\.(?P<rest>.+))?\.ratio")
"""Names of ratios of costs, with or without a further part: a batch size, a way to run."""

ORDER = ("latency.batch", "latency", "memory", "macs")

COLUMNS = ("cost", "ratio", "ratio_low", "ratio_high", "dense_cost", "pruned_cost", "unit")


def list_ratios(report: Report) -> list[tuple[str, str, Metric]]:
    """Return label, name and ratio of each cost; latencies first, in the order of measurement."""
    matches = ((PATTERN.fullmatch(name), metric) for name, metric in report.metrics.items())
    found = [
        (_describe(match["subject"], match["rest"] or ""), match.string, metric)
        for match, metric in matches
        if match is not None
    ]
    return sorted(found, key=lambda row: [not row[1].startswith(start) for start in ORDER])


def _describe(subject: str, rest: str) -> str:
    words = {"latency": "inference", "memory": "peak memory", "macs": "multiplications"}[subject]
    parts = [part.replace("_", " ") for part in rest.split(".") if part]
    if "session" in parts:
        words = "opening a session"
        parts.remove("session")
    return ", ".join((words, *parts))


def draw_ratios(report: Report) -> Picture | None:
    """Draw each ratio with its interval; 1 is the dense model."""
    ratios = list_ratios(report)
    if not ratios:
        return None
    ends = [end for _, _, m in ratios for end in (m.value, m.low, m.high) if end is not None]
    scale = Scale.cover([0.8, 1.25, *ends], is_log=True)
    ticks = draw_axis(scale, ((tick, f"{format_short(tick)}×") for tick in list_ticks(scale)))
    return Picture(
        name="ratios",
        title="Cost of the pruned model in costs of the dense one",
        description="Ratios with their 95 % intervals (logarithmic); left of 1× the pruned model "
        "is faster or smaller.",
        layout="rows",
        rows=tuple(_draw_ratio(label, metric, scale) for label, _, metric in ratios),
        table=Table(COLUMNS, tuple(_list_cells(report, *row) for row in ratios)),
        axis=ticks,
        note=f"Measured on {report.host}." if report.host else "",
    )


def describe_ratio(metric: Metric) -> tuple[str, str]:
    """Return the direction of a ratio in a word, and its color; by its interval if it has one."""
    low, high = (metric.value if end is None else end for end in (metric.low, metric.high))
    if high < 0.99:
        return "less", "good"
    if low > 1.01:
        return "more", "bad"
    return "no difference found", "plain"


def _draw_ratio(label: str, metric: Metric, scale: Scale) -> Row:
    one = scale.place(1.0)
    word, state = describe_ratio(metric)
    marks = [line("base", ("0%", "100%"), (11, 11)), line("one", (one, one), (1, 21))]
    interval = ""
    if metric.low is not None and metric.high is not None:
        marks.append(
            line("interval", (scale.place(metric.low), scale.place(metric.high)), (11, 11))
        )
        interval = f" [{metric.low:.3g} to {metric.high:.3g}]"
    marks.append(dot(state, scale.place(metric.value), 11))
    return Row(label, tuple(marks), f"{format_times(metric.value)}{interval}", word, state)


def _list_cells(
    report: Report, label: str, name: str, metric: Metric
) -> tuple[str | float | None, ...]:
    stem = name.removesuffix("ratio")
    dense, pruned = (report.metrics.get(f"{stem}{form}") for form in ("dense", "pruned"))
    costs = [None if cost is None else cost.value for cost in (dense, pruned)]
    unit = "" if pruned is None else pruned.unit
    return (label, metric.value, metric.low, metric.high, *costs, unit)
