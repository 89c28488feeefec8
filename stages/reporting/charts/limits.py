"""Limits: the part of each limit that the measured value uses, with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.stages.metrics.limits import matches
from prunepack.stages.reporting.drawing.picture import Picture, Row, Table, dot, line, rect, text
from prunepack.stages.reporting.drawing.scale import Scale, draw_axis
from prunepack.stages.reporting.drawing.words import format_short
from prunepack.stages.reporting.wording import format_number

if TYPE_CHECKING:
    from prunepack.stages.reporting.drawing.picture import Mark
    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = ["compute_use", "describe_off_scale", "draw_limits", "list_own_checks"]

SCALE = Scale(0.0, 1.5)
"""Parts of a limit; a value further beyond is at the right edge, with a mark."""

MEASURED = ("%", "×", "points", "bytes", "ms", "dB", "MACs", "")
"""Units of values on a scale; the others count things."""

STATES = {"passed": "good", "failed": "bad", "undecided": "undecided"}

MOST = 24
"""Rows of the picture."""


def list_own_checks(report: Report) -> list[CheckResult]:
    """Return the checks that did not pass, then those that the recipe or its user asked for."""
    own = [limit.name for limit in report.gate.limits]
    asked = [
        check for check in report.checks if check.outcome == "passed" and matches(check.name, own)
    ]
    return [*report.not_passed, *asked][:MOST]


def compute_use(value: float, check: CheckResult) -> float:
    """Return the part of a limit that ``value`` uses: more than 1 is beyond the limit.

    A least percentage is measured by the distance from 100 %, any other least value by its ratio
    to the value. Without a scale (a threshold of 0) a value inside has 0, one beyond has infinity.
    """
    threshold = check.threshold
    if math.isnan(value) or math.isnan(threshold):
        return math.inf
    is_inside = value <= threshold if check.limit.sense == "<=" else value >= threshold
    if check.limit.sense == "<=":
        part, whole = value, threshold
    elif check.unit == "%":
        part, whole = 100 - value, 100 - threshold
    else:
        part, whole = threshold, value
    if whole <= 0 or part < 0 or not math.isfinite(part / whole):
        return 0.0 if is_inside else math.inf
    use = part / whole
    return min(use, 1.0) if is_inside else max(use, math.nextafter(1.0, 2.0))


def describe_off_scale(check: CheckResult) -> str:
    """Return the relation to the limit of a count, or of a share that is perfect, in words.

    A position says little about them: 10,000 of 10,000 required samples would lie on the limit, and
    an agreement of 100 % at the other end.

    Returns:
        The words; empty for all other checks, which have a place on the axis.
    """
    gap = check.value - check.threshold
    if check.low is not None or not math.isfinite(gap):
        return ""
    if check.unit == "%" and check.limit.sense == ">=" and check.value == 100:
        return "nothing is missing to 100 %"
    if check.unit in MEASURED:
        return ""
    if check.outcome == "passed":
        wanted = "required" if check.limit.sense == ">=" else "allowed"
        extra = f"{format_number(abs(gap))} {'more' if gap > 0 else 'fewer'} than {wanted}"
        return extra if gap else f"exactly as many as {wanted}"
    return f"{format_number(abs(gap))} too {'many' if gap > 0 else 'few'}"


def draw_limits(report: Report) -> Picture | None:
    """Draw the checks of the recipe's limits, and those that did not pass."""
    checks = list_own_checks(report)
    if not checks:
        return None
    columns = ("check", "measured", "low", "high", "limit", "limit_used", "outcome")
    labels = [(0.0, "0 %"), (0.5, "50 %"), (1.0, "limit"), (1.5, "150 %")]
    return Picture(
        name="limits",
        title="Use of each limit",
        description="Part of each limit that is used, with its 95 % interval: beyond the red line "
        "the check fails. The mark » stands for a value beyond the end of the axis. Counts, and "
        "shares of exactly 100 %, have words in place of a position.",
        layout="rows",
        rows=tuple(map(_draw_check, checks)),
        table=Table(columns, tuple(map(_list_cells, checks))),
        axis=draw_axis(SCALE, labels),
    )


def _draw_check(check: CheckResult) -> Row:
    value = format_number(check.value, check.unit)
    bounds = f"{check.limit.sense.replace('<=', '≤').replace('>=', '≥')} "
    bounds += format_number(check.threshold)
    interval = ""
    if check.low is not None and check.high is not None:
        interval = f" [{format_short(check.low)} to {format_short(check.high)}]"
    word = {"passed": "pass", "failed": "fail"}.get(check.outcome, check.outcome)
    return Row(
        label=check.name,
        marks=_draw_track(check),
        value=f"{value}{interval}",
        detail=f"{bounds} · {word}",
        state=STATES[check.outcome],
    )


def _draw_track(check: CheckResult) -> tuple[Mark, ...]:
    if words := describe_off_scale(check):
        return (text(STATES[check.outcome], "0%", 15, words, "start"),)
    use = compute_use(check.value, check)
    edge = SCALE.place(1.0)
    marks = [
        rect("beyond", edge, SCALE.span(1.0, 1.5), 3, 16),
        line("base", ("0%", "100%"), (11, 11)),
        line("limit", (edge, edge), (1, 21)),
    ]
    if check.low is not None and check.high is not None:
        ends = sorted(compute_use(end, check) for end in (check.low, check.high))
        marks.append(line("interval", (SCALE.place(ends[0]), SCALE.place(ends[1])), (11, 11)))
    if use > SCALE.high:
        marks.append(text("far", "97%", 15, "»", "end"))
    return (*marks, dot(STATES[check.outcome], SCALE.place(use), 11))


def _list_cells(check: CheckResult) -> tuple[str | float | None, ...]:
    limit = f"{check.limit.sense} {format_number(check.threshold)}"
    use = compute_use(check.value, check)
    bounds = (check.value, check.low, check.high)
    return (check.name, *bounds, limit, use, check.outcome)
