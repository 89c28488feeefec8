"""Picture of the metrics in which runs differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line
from prunepack.stages.reporting.drawing.scale import Scale
from prunepack.stages.reporting.wording import format_metric, format_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.pipeline.runs.comparison import Change
    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.drawing.picture import Mark

__all__ = ["draw_metrics"]

COLORS = ("dense", "artifact", "pruned", "good", "undecided", "bad")
"""Classes of the first runs; the others have the last one."""

STEP, MARGIN = 14, 8
"""Pixels between the runs of a row, and above the first one."""


def draw_metrics(names: Sequence[str], changes: Sequence[Change]) -> Picture | None:
    """Draw each metric of each run with its interval; every row has a scale of its own."""
    drawn = [change for change in changes if _list_ends(change)]
    if not drawn:
        return None
    return Picture(
        name="metrics",
        title="Metrics of the runs",
        description="Values with their 95 % intervals. Each row has its own scale.",
        layout="rows",
        rows=tuple(map(_draw_row, drawn)),
        table=_make_table(names, changes),
        legend=tuple((_choose_color(index), name) for index, name in enumerate(names)),
    )


def _list_ends(change: Change) -> list[float]:
    """Return all finite values and ends of intervals."""
    ends = [end for m in change.values if m is not None for end in (m.value, m.low, m.high)]
    return [end for end in ends if end is not None and math.isfinite(end)]


def _draw_row(change: Change) -> Row:
    scale = Scale.cover(_list_ends(change), margin=0.06)
    marks = [
        mark
        for index, metric in enumerate(change.values)
        if metric is not None and math.isfinite(metric.value)
        for mark in _draw_metric(metric, scale, index)
    ]
    values = [format_number(m.value) if m is not None else "–" for m in change.values]
    unit = next((metric.unit for metric in change.values if metric is not None), "")
    height = 2 * MARGIN + STEP * (len(change.values) - 1)
    return Row(change.name, tuple(marks), f"{' → '.join(values)} {unit}".rstrip(), height=height)


def _draw_metric(metric: Metric, scale: Scale, index: int) -> Iterator[Mark]:
    y = MARGIN + STEP * index
    yield line("base", ("0%", "100%"), (y, y))
    if metric.low is not None and metric.high is not None:
        yield line("interval", (scale.place(metric.low), scale.place(metric.high)), (y, y))
    yield dot(_choose_color(index), scale.place(metric.value), y)


def _choose_color(index: int) -> str:
    return COLORS[min(index, len(COLORS) - 1)]


def _make_table(names: Sequence[str], changes: Sequence[Change]) -> Table:
    rows = ((change.name, *map(_format_metric, change.values)) for change in changes)
    return Table(("metric", *names), tuple(rows))


def _format_metric(metric: Metric | None) -> str | None:
    return None if metric is None else format_metric(metric)
