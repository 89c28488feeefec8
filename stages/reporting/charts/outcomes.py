"""Drops of whole models, as pruned by the recipe, by global magnitude and by suggested rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line
from prunepack.stages.reporting.drawing.scale import Scale, draw_axis, list_ticks
from prunepack.stages.reporting.drawing.words import format_bytes, format_percent, format_short
from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.details.sensitivity import Outcome, Sensitivity
    from prunepack.stages.reporting.drawing.picture import Mark

__all__ = ["draw_outcomes", "list_outcomes"]

COLUMNS = ("rules", "sparsity", "packed_bytes", "drop", "drop_low", "drop_high")
MIDDLE = 12.0


def list_outcomes(measured: Sensitivity) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcomes with their names, what is known first."""
    yield "of the recipe", measured.recipe
    yield "global magnitude", measured.magnitude
    yield from ((f"suggested: {each.method}", each) for each in measured.suggestions)


def draw_outcomes(measured: Sensitivity) -> Picture:
    """Draw the drop of each model with its interval."""
    named = list(list_outcomes(measured))
    x = Scale.cover([0.0, *(end for _, each in named for end in _list_ends(each))])
    unit = measured.recipe.drop.unit
    return Picture(
        name="outcomes",
        title=f"Drop before fine-tuning{f', {unit}' if unit else ''}",
        description="Drop of the metric with its 95 % interval when all layers are pruned.",
        layout="rows",
        rows=tuple(_draw_row(name, each, x) for name, each in named),
        table=Table(COLUMNS, tuple(_list_cells(name, each) for name, each in named)),
        axis=draw_axis(x, [(value, format_short(value)) for value in list_ticks(x)]),
    )


def _list_ends(outcome: Outcome) -> tuple[float, float]:
    drop = outcome.drop
    low, high = drop.low, drop.high
    return drop.value if low is None else low, drop.value if high is None else high


def _draw_row(name: str, outcome: Outcome, x: Scale) -> Row:
    low, high = _list_ends(outcome)
    kind = "artifact" if name.startswith("suggested") else "dense"
    return Row(
        label=name,
        marks=tuple(_draw_marks(kind, outcome.drop.value, (low, high), x)),
        value=format_metric(outcome.drop),
        detail=f"{format_percent(100 * outcome.sparsity)} pruned, {format_bytes(outcome.bytes)}",
    )


def _draw_marks(kind: str, value: float, ends: tuple[float, float], x: Scale) -> Iterator[Mark]:
    zero = x.place(0.0)
    yield line("base", (zero, zero), (0, 2 * MIDDLE))
    if all(map(math.isfinite, ends)):
        yield line("interval", (x.place(ends[0]), x.place(ends[1])), (MIDDLE, MIDDLE))
    yield dot(kind, x.place(value), MIDDLE)


def _list_cells(name: str, outcome: Outcome) -> tuple[str | float | None, ...]:
    drop = outcome.drop
    return name, outcome.sparsity, outcome.bytes, drop.value, drop.low, drop.high
