"""Parity: errors between torch and ONNX on a logarithmic axis, against the tolerance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line, rect
from prunepack.stages.reporting.drawing.scale import Scale, draw_axis, list_ticks
from prunepack.stages.reporting.drawing.words import format_short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.drawing.picture import Mark
    from prunepack.stages.reporting.report import Report

__all__ = ["draw_parity"]

PATTERN = re.compile(r"parity\.(?:torch_onnx|files)\.outputs\.(?P<name>.+)\.tolerance")
ALLOWED = re.compile(r"atol (?P<value>\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
COLUMNS = ("output", "mean_error", "p99_error", "max_error", "needed_tolerance", "atol")
MOST = 12


@dataclass(frozen=True, slots=True)
class _Errors:
    """Errors of one output."""

    name: str
    mean: float
    p99: float
    largest: float
    needed: float
    allowed: float
    is_inside: bool

    @property
    def numbers(self) -> tuple[float, ...]:
        return self.mean, self.p99, self.largest, self.needed, self.allowed


def draw_parity(report: Report) -> Picture | None:
    """Draw mean, 99th percentile and largest error of each output, the worst outputs first."""
    found = sorted(_list_errors(report.metrics), key=lambda each: -each.needed)
    if not found:
        return None
    floor = min((n for e in found for n in e.numbers if n > 0), default=1e-9) / 3
    scale = Scale.cover((n for e in found for n in (floor, *e.numbers)), is_log=True)
    ticks = list_ticks(scale)
    return Picture(
        name="parity",
        title="Same answers: errors between the forms",
        description="Absolute error of each output: mean, 99th percentile and largest. The "
        "large dot is the smallest tolerance that would pass; red: the tolerance (logarithmic).",
        layout="rows",
        rows=tuple(_draw_output(errors, scale) for errors in found[:MOST]),
        table=Table(COLUMNS, tuple((e.name, *e.numbers) for e in found)),
        axis=draw_axis(scale, ((tick, format_short(tick)) for tick in ticks)),
        note=f"Outputs {MOST + 1} to {len(found)} are in the table." if found[MOST:] else "",
    )


def _list_errors(metrics: Mapping[str, Metric]) -> Iterator[_Errors]:
    for name, needed in metrics.items():
        match = PATTERN.fullmatch(name)
        stem = name.removesuffix("tolerance")
        names = ("mean_absolute", "p99_absolute", "max_absolute", "beyond_tolerance")
        parts = [metrics.get(f"{stem}{part}") for part in names]
        if match is None or None in parts:
            continue
        mean, p99, largest, beyond = (part for part in parts if part is not None)
        allowed = ALLOWED.search(beyond.note)
        yield _Errors(
            match["name"],
            mean.value,
            p99.value,
            largest.value,
            needed.value,
            float(allowed["value"]) if allowed else 0.0,
            beyond.value == 0,
        )


def _draw_output(errors: _Errors, scale: Scale) -> Row:
    marks: list[Mark] = [line("base", ("0%", "100%"), (11, 11))]
    if errors.allowed:
        edge = scale.place(errors.allowed)
        marks.append(rect("beyond", edge, scale.span(errors.allowed, scale.high), 3, 16))
        marks.append(line("limit", (edge, edge), (1, 21)))
    ends = (scale.place(errors.mean), scale.place(errors.largest))
    marks.append(line("interval", ends, (11, 11)))
    marks += [dot("error", scale.place(value), 11, 3.5) for value in errors.numbers[:3]]
    state = "good" if errors.is_inside else "bad"
    marks.append(dot(f"{state} needed", scale.place(errors.needed), 11))
    needed = f"needs {format_short(errors.needed)}" if errors.largest else "identical"
    allowed = f"tolerance {format_short(errors.allowed)}" if errors.allowed else ""
    return Row(errors.name, tuple(marks), needed, allowed, state)
