"""Sensitivity of layers: the drop of the metric over the amount, one row per layer and method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, rect, text
from prunepack.stages.reporting.drawing.words import format_percent, format_short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.details.sensitivity import Curve, CurvePoint, Sensitivity
    from prunepack.stages.reporting.drawing.picture import Mark
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_curves", "draw_sensitivity"]

MOST_ROWS = 40
"""Largest number of rows in a report."""
HEIGHT = 22
COLUMNS = ("pruned_layer", "pruning_method", "pruned_amount", "drop", "drop_low", "drop_high")
STEPS = (0.002, 0.01, 0.05, 0.25)
"""Drops, as fractions of the dense model's metric, at which a cell becomes darker."""


def draw_sensitivity(report: Report) -> Picture | None:
    """Draw the layers of a report whose model was measured."""
    measured = report.details.sensitivity
    return None if measured is None else draw_curves(measured, MOST_ROWS)


def draw_curves(measured: Sensitivity, most: int) -> Picture:
    """Draw up to ``most`` curves; of more, those with the highest drops."""
    curves = _choose_curves(measured.curves, most)
    steps = [step * abs(measured.dense.value) for step in STEPS]
    unit = measured.recipe.drop.unit
    several = len({curve.method for curve in measured.curves}) > 1
    chosen = {
        (each.method, amount.layer): amount.amount
        for each in measured.suggestions
        for amount in each.amounts
    }
    return Picture(
        name="sensitivity",
        title=f"Drop of each layer pruned alone{f', {unit}' if unit else ''}",
        description="Rows are layers, columns the amount that is pruned of one layer while all "
        "others stay dense; the drop of the metric, darker for a larger one. On the right, the "
        "suggested amount.",
        layout="rows",
        rows=tuple(
            _draw_row(each, steps, chosen.get((each.method, each.layer), 0.0), several=several)
            for each in curves
        ),
        table=Table(COLUMNS, tuple(cells for each in curves for cells in _list_cells(each))),
        has_heads=True,
        axis=tuple(_draw_heads(curves[0].points)),
        note=_describe_hidden(len(measured.curves) - len(curves)),
    )


def _choose_curves(curves: Sequence[Curve], most: int) -> list[Curve]:
    """Return the most sensitive curves, in their order."""
    ranked = sorted(curves, key=lambda curve: -max(_get_finite(p.drop) for p in curve.points))
    chosen = {(curve.method, curve.layer) for curve in ranked[:most]}
    return [curve for curve in curves if (curve.method, curve.layer) in chosen]


def _get_finite(drop: float) -> float:
    return drop if math.isfinite(drop) else math.inf


def _describe_hidden(count: int) -> str:
    return f"{count} rows with smaller drops are in sensitivity.json." if count > 0 else ""


def _draw_row(curve: Curve, steps: Sequence[float], amount: float, *, several: bool) -> Row:
    marks = (
        mark
        for index, point in enumerate(curve.points)
        for mark in _draw_cell(index, len(curve.points), point, steps)
    )
    name = curve.layer or "(the model itself)"
    return Row(
        label=f"{name}, {curve.method}" if several else name,
        marks=tuple(marks),
        value=format_percent(100 * amount) if amount else "dense",
        detail=f"of {curve.weights:,} weights",
        height=HEIGHT,
    )


def _draw_cell(index: int, count: int, point: CurvePoint, steps: Sequence[float]) -> Iterator[Mark]:
    """Yield a tinted rectangle with the drop as text."""
    width = 100 / count
    drop = _get_finite(point.drop)
    level = 1 + sum(drop >= step for step in steps)
    yield rect(f"m{level}", f"{index * width:.2f}%", f"{width - 0.4:.2f}%", 0, HEIGHT)
    label = format_short(round(drop, 2)) if math.isfinite(drop) else "∞"
    yield text("cell", f"{(index + 0.5) * width - 0.2:.2f}%", 15, label)


def _draw_heads(points: Sequence[CurvePoint]) -> Iterator[Mark]:
    width = 100 / len(points)
    for index, point in enumerate(points):
        label = f"{100 * point.amount:.4g} %"
        yield text("mut", f"{(index + 0.5) * width - 0.2:.2f}%", 13, label)


def _list_cells(curve: Curve) -> Iterator[tuple[str | float, ...]]:
    for point in curve.points:
        yield curve.layer, curve.method, point.amount, point.drop, point.low, point.high
