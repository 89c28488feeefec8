"""Size against quality: the dense model, the pruned file after zstd, and the artifact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.reporting.charts.quality import find_quality
from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line, text
from prunepack.stages.reporting.drawing.scale import Scale, list_ticks
from prunepack.stages.reporting.drawing.words import format_short, format_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.charts.quality import Quality
    from prunepack.stages.reporting.drawing.picture import Mark
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_tradeoff"]

TOP, BOTTOM, HEIGHT = 24.0, 190.0, 226
COLUMNS = ("point", "size_ratio", "quality", "quality_low", "quality_high")


@dataclass(frozen=True, slots=True)
class _Point:
    kind: str
    label: str
    ratio: float
    quality: Metric

    @property
    def cells(self) -> tuple[str | float | None, ...]:
        metric = self.quality
        return self.label, self.ratio, metric.value, metric.low, metric.high


def draw_tradeoff(report: Report) -> Picture | None:
    """Draw accuracy over the number of times that each form is smaller than the dense file."""
    quality = find_quality(report)
    points = [] if quality is None else list(_list_points(report, quality))
    if quality is None or len(points) < 2:
        return None
    worst = _find_worst(report, quality)
    x = Scale.cover((point.ratio for point in points), is_log=True, margin=0.25)
    y = Scale.cover([*_list_values(points), *([] if worst is None else [worst])], margin=0.15)
    label = "Accuracy" if quality.name == "accuracy" else "Metric"
    unit = f", {quality.after.unit}" if quality.after.unit else ""
    row = Row(
        label=f"{label} against size",
        marks=(*_draw_frame(x, y, worst), *(m for p in points for m in _draw_point(p, x, y))),
        height=HEIGHT,
        ticks=tuple((format_short(v), _height(y, v)) for v in list_ticks(y, 5)),
    )
    return Picture(
        name="tradeoff",
        title=f"Size against {label.lower()}",
        description=f"{label}{unit} with its 95 % interval, over the number of times that the "
        "file is smaller than the dense ONNX file (logarithmic).",
        layout="plane",
        rows=(row,),
        table=Table(COLUMNS, tuple(point.cells for point in points)),
        legend=_make_legend(points, worst),
        is_wide=False,
    )


def _make_legend(points: list[_Point], worst: float | None) -> tuple[tuple[str, str], ...]:
    """Return names below the plane, where they cannot meet as labels of close points would."""
    names = ((point.kind, f"{point.label} {format_times(point.ratio)}") for point in points)
    return (*names, *([] if worst is None else [("bad", "limit on the loss")]))


def _list_points(report: Report, quality: Quality) -> Iterator[_Point]:
    """Yield the points whose size and quality are known and finite."""
    sizes = {name: metric.value for name, metric in report.metrics.items()}
    dense = sizes.get("size.dense_onnx", 0.0)
    forms = (
        ("dense", "dense ONNX", "dense_onnx", quality.dense),
        ("pruned", "pruned ONNX, zstd -19", "onnx_zstd19", quality.after),
        ("artifact", "artifact", "artifact", quality.after),
    )
    for kind, label, name, metric in forms:
        size = sizes.get(f"size.{name}", 0.0)
        if dense > 0 and size > 0 and metric is not None and math.isfinite(metric.value):
            yield _Point(kind, label, dense / size, metric)


def _list_values(points: list[_Point]) -> Iterator[float]:
    for point in points:
        yield from (v for v in (point.cells[2:]) if isinstance(v, float | int))


def _find_worst(report: Report, quality: Quality) -> float | None:
    """Return the quality that the strictest limit on the loss allows."""
    limits = [c for c in report.checks if c.name == f"{quality.name}.drop"]
    known = [c.threshold for c in limits if c.limit.sense == "<=" and math.isfinite(c.threshold)]
    if quality.dense is None or not known or quality.name != "accuracy":
        return None
    return quality.dense.value - min(known)


def _height(y: Scale, value: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * y.measure(value)


def _draw_frame(x: Scale, y: Scale, worst: float | None) -> Iterator[Mark]:
    for value in list_ticks(y, 5):
        yield line("grid", ("0%", "100%"), (_height(y, value),) * 2)
    for value in list_ticks(x, 5):
        yield line("tick", (x.place(value),) * 2, (BOTTOM + 6, BOTTOM + 11))
        yield text("mut", x.place(value), BOTTOM + 26, f"{format_short(value)}×")
    if worst is not None:
        yield line("limit", ("0%", "100%"), (_height(y, worst),) * 2)


def _draw_point(point: _Point, x: Scale, y: Scale) -> Iterator[Mark]:
    at, metric = x.place(point.ratio), point.quality
    if metric.low is not None and metric.high is not None:
        yield line("interval", (at, at), (_height(y, metric.low), _height(y, metric.high)))
    radius = 7 if point.kind == "artifact" else 5
    yield dot(point.kind, at, _height(y, metric.value), radius)
