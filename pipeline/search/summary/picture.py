"""Picture of a search: all trials in the plane of two objectives, with the front."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line, text
from prunepack.stages.reporting.drawing.scale import Scale, list_ticks
from prunepack.stages.reporting.drawing.words import format_bytes, format_short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.pipeline.search.summary.findings import Findings
    from prunepack.stages.reporting.drawing.picture import Cell, Mark

__all__ = ["draw_front"]

TOP, BOTTOM, HEIGHT = 14.0, 250.0, 290
LEGEND = {
    "artifact": "on the front",
    "pruned": "the recipe",
    "plain": "dominated",
    "bad": "beyond limits",
}
"""Kinds of points, with their names; the color of each is that of its class."""


class _Point(NamedTuple):
    """A finished trial.

    Attributes:
        number: The number of the trial.
        kind: Its class.
        x: The value of the second objective, or the number of the trial.
        y: The value of the first objective.
    """

    number: int
    kind: str
    x: float
    y: float


def draw_front(findings: Findings) -> Picture | None:
    """Draw the first objective over the second one; None if no trial has finished.

    Of a search with one objective, the trials are drawn in the order of their numbers.
    """
    points = _list_points(findings)
    if not points:
        return None
    first, *others = (goal.metric for goal in findings.goals)
    over = others[0] if others else "trial"
    x = Scale.cover([point.x for point in points], margin=0.08)
    y = Scale.cover([point.y for point in points], margin=0.08)
    row = Row(
        label=f"{first} over {over}",
        marks=tuple(_draw(findings, points, x, y)),
        height=HEIGHT,
        ticks=tuple((format_short(value), _height(y, value)) for value in list_ticks(y, 6)),
    )
    shown = {point.kind for point in points}
    return Picture(
        name="front",
        title=f"{first} over {over}",
        description="One point per finished trial. The trials on the front are joined: no other "
        "trial within the limits is better than one of them in every objective.",
        layout="plane",
        rows=(row,),
        table=_make_table(findings),
        legend=tuple((kind, name) for kind, name in LEGEND.items() if kind in shown),
    )


def _list_points(findings: Findings) -> list[_Point]:
    metrics = [goal.metric for goal in findings.goals]
    front = set(findings.front)
    return [
        _Point(
            number,
            _choose_kind(findings, number, front),
            result.scores[metrics[1]].value if metrics[1:] else number,
            result.scores[metrics[0]].value,
        )
        for number, result in sorted(findings.results.items())
        if result.scores
    ]


def _choose_kind(findings: Findings, number: int, front: set[int]) -> str:
    if number == 0:
        return "pruned"
    if not findings.results[number].is_valid:
        return "bad"
    return "artifact" if number in front else "plain"


def _draw(findings: Findings, points: list[_Point], x: Scale, y: Scale) -> Iterator[Mark]:
    is_size = any(goal.metric.startswith("size.") for goal in findings.goals[1:2])
    for value in list_ticks(y, 6):
        yield line("grid", ("0%", "100%"), (_height(y, value),) * 2)
    for value in list_ticks(x, 5):
        label = format_bytes(value) if is_size else format_short(value)
        yield line("tick", (x.place(value),) * 2, (BOTTOM + 8, BOTTOM + 13))
        yield text("mut", x.place(value), BOTTOM + 28, label)
    front = set(findings.front)
    path = sorted((point for point in points if point.number in front), key=lambda p: p.x)
    for left, right in pairwise(path if findings.goals[1:] else []):
        ends = (x.place(left.x), x.place(right.x))
        yield line("path", ends, (_height(y, left.y), _height(y, right.y)))
    for point in sorted(points, key=lambda p: list(LEGEND).index(p.kind), reverse=True):
        radius = 6 if point.kind in {"artifact", "pruned"} else 4
        yield dot(point.kind, x.place(point.x), _height(y, point.y), radius)


def _height(y: Scale, value: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * y.measure(value)


def _make_table(findings: Findings) -> Table:
    metrics = [goal.metric for goal in findings.goals]
    front = set(findings.front)
    rows: list[tuple[Cell, ...]] = [
        (
            f"{number}",
            *(result.scores[name].value for name in metrics),
            LEGEND[_choose_kind(findings, number, front)],
        )
        for number, result in sorted(findings.results.items())
        if result.scores
    ]
    return Table(("trial", *metrics, "kind"), tuple(rows))
