"""Structure: channels, parameters and multiplications before and after compaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, rect
from prunepack.stages.reporting.drawing.scale import Scale
from prunepack.stages.reporting.drawing.words import format_percent
from prunepack.stages.reporting.wording import format_number

if TYPE_CHECKING:
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_structure"]

PATTERN = re.compile(r"compact\.(?P<name>\w+)_before")
WORDS = {"macs": "multiply-accumulates"}


def draw_structure(report: Report) -> Picture | None:
    """Draw each count before and after, if compaction removed anything."""
    matches = filter(None, map(PATTERN.fullmatch, report.metrics))
    pairs = {m["name"]: (m.string, f"compact.{m['name']}") for m in matches}
    values = {
        name: (report.metrics[before].value, report.metrics[after].value)
        for name, (before, after) in pairs.items()
        if after in report.metrics
    }
    if all(before == after for before, after in values.values()):
        return None
    return Picture(
        name="structure",
        title="Structure before and after compaction",
        description="Parts of the graph that remain after those without effect were removed.",
        layout="rows",
        rows=tuple(_draw_count(name, *counts) for name, counts in values.items()),
        table=Table(
            ("counted", "count_before", "count_after"),
            tuple((WORDS.get(name, name), *counts) for name, counts in values.items()),
        ),
        legend=(("dense", "removed"), ("artifact", "remaining")),
    )


def _draw_count(name: str, before: float, after: float) -> Row:
    scale = Scale(0.0, max(before, 1.0))
    remaining = scale.place(after)
    marks = (rect("dense", "0%", "100%", 3, 16), rect("artifact", "0%", remaining, 3, 16))
    removed = 100 * (before - after) / before if before else 0.0
    counts = " → ".join(map(format_number, (before, after)))
    return Row(WORDS.get(name, name), marks, counts, f"{format_percent(removed)} less")
