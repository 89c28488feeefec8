"""Rounds of pruning and fine-tuning: the score on the validation split after each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line, text
from prunepack.stages.reporting.drawing.scale import Scale, list_ticks
from prunepack.stages.reporting.drawing.words import format_percent, format_short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.details.records import PruningRound
    from prunepack.stages.reporting.drawing.picture import Mark
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_rounds"]

TOP, BOTTOM, HEIGHT = 16.0, 190.0, 226
COLUMNS = ("round", "sparsity", "after_pruning", "after_tuning")
MOST_LABELS = 6


def draw_rounds(report: Report) -> Picture | None:
    """Draw two points per round, joined in the order of time."""
    rounds = report.details.rounds
    if not rounds:
        return None
    scores = [score for each in rounds for score in (each.before, each.after)]
    y = Scale.cover(scores, margin=0.15)
    word = "Accuracy, %" if rounds[0].unit == "%" else "Loss"
    row = Row(
        label=f"{word}, after each round",
        marks=tuple(_draw_marks(rounds, y)),
        height=HEIGHT,
        ticks=tuple((format_short(v), _height(y, v)) for v in list_ticks(y, 5)),
    )
    cells = ((i, r.sparsity, r.before, r.after) for i, r in enumerate(rounds, 1))
    return Picture(
        name="rounds",
        title="Rounds of pruning and fine-tuning",
        description=f"{word} on the validation split, over the share of pruned weights.",
        layout="plane",
        rows=(row,),
        table=Table(COLUMNS, tuple(cells)),
        legend=(("pruned", "after pruning"), ("artifact", "after fine-tuning")),
        is_wide=False,
    )


def _height(y: Scale, value: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * y.measure(value)


def _draw_marks(rounds: Sequence[PruningRound], y: Scale) -> Iterator[Mark]:
    for value in list_ticks(y, 5):
        yield line("grid", ("0%", "100%"), (_height(y, value),) * 2)
    x = Scale(-0.5, len(rounds) - 0.5)
    pairs = [((i - 0.12, r.before), (i + 0.12, r.after)) for i, r in enumerate(rounds)]
    points = [(x.place(at), _height(y, score)) for pair in pairs for at, score in pair]
    for (x1, y1), (x2, y2) in pairwise(points):
        yield line("path", (x1, x2), (y1, y2))
    for number, (at, height) in enumerate(points):
        yield dot("artifact" if number % 2 else "pruned", at, height)
    stride = -(-len(rounds) // MOST_LABELS)
    for i in range(len(rounds) - 1, -1, -stride):
        yield text("mut", x.place(i), BOTTOM + 26, format_percent(rounds[i].sparsity))
