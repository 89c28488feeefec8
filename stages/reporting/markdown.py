"""The report as a Markdown page, for people and for the summary of a CI job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS
from prunepack.stages.reporting.wording import format_metric, format_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = ["METRICS_HEADING", "to_markdown"]

MARKS = {"passed": "ok", "undecided": "**undecided**", "failed": "**FAILED**"}
"""Cell of each outcome, the worst last."""

METRICS_HEADING = "## Metrics"


def to_markdown(report: Report) -> str:
    """Return the verdict, the checks that did not pass, all checks, all metrics and the files."""
    parts = [
        [f"# Verdict: {_describe_verdict(report)}", "", _count_passed(report)],
        _describe_sparsity(report),
        ["", *map(_describe, report.not_passed)] if report.not_passed else [],
        _list_notes(report),
        ["", "## Checks", ""],
        _table(("", "check", "measured", "limit", "where"), map(_cells, _sort_checks(report))),
        ["", METRICS_HEADING, "", "<details><summary>Everything measured</summary>", ""],
        _list_metrics(report),
        ["", "</details>", "", "## Files", ""],
        _table(("file", "SHA-256"), ((name, f"`{sha}`") for name, sha in report.digests.items())),
        _context(report),
    ]
    return "\n".join(line for part in parts for line in part)


def _list_metrics(report: Report) -> list[str]:
    rows = (
        (f"`{name}`", format_metric(metric), metric.note)
        for name, metric in sorted(report.metrics.items())
    )
    return _table(("metric", "value", "where"), rows)


def _describe_verdict(report: Report) -> str:
    return f"{report.verdict}; {report.quality}" if report.quality else report.verdict


def _count_passed(report: Report) -> str:
    passed = sum(check.outcome == "passed" for check in report.checks)
    return f"{passed} of {len(report.checks)} checks passed."


def _describe_sparsity(report: Report) -> list[str]:
    """Put the sparsity that was asked for beside that of all weights."""
    names = ("sparsity.amount", "sparsity.weights")
    amount, weights = (report.metrics.get(name) for name in names)
    if amount is None or weights is None:
        return []
    return [
        "",
        f"Pruned: {format_metric(amount)} of the weights that rules reached ({amount.note}), "
        f"{format_metric(weights)} of all weights ({weights.note}).",
    ]


def _sort_checks(report: Report) -> list[CheckResult]:
    """Put checks that did not pass first, then the user's own, then the built-in ones."""
    ranks = list(MARKS)
    return sorted(
        report.checks,
        key=lambda check: (-ranks.index(check.outcome), check.limit in BUILT_IN_LIMITS),
    )


def _describe(check: CheckResult) -> str:
    note = f" {_escape(check.note)}." if check.note else ""
    hint = f" *{_escape(check.hint)}.*" if check.hint else ""
    return f"- **{check.limit}** {check.outcome}: {check.result}.{note}{hint}"


def _list_notes(report: Report) -> list[str]:
    if not report.notes:
        return []
    notes = (f"- {_escape(note.stage)}: {_escape(note.text)}" for note in report.notes)
    return ["", "## Notes", "", *notes]


def _cells(check: CheckResult) -> tuple[str, ...]:
    limit = check.limit.right_side
    if check.limit.reference:
        limit += f" = {format_number(check.threshold)}"
    if check.replaces is not None:
        limit = f"{check.replaces.right_side} → {limit}"
    mark, measured = MARKS[check.outcome], format_metric(check.metric)
    return mark, f"`{check.name}`", measured, limit, check.note


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> list[str]:
    return [_row(head), "|---" * len(head) + "|", *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escape, cells)) + " |"


def _escape(text: str) -> str:
    """Keep a text from ending its cell or its line, and from starting an HTML tag."""
    return " ".join(re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text).replace("|", "\\|").split())


def _context(report: Report) -> list[str]:
    host = f"Times were measured on {report.host}." if report.host else "No time was measured."
    lines = ["", host]
    for name, digest in (report.baseline or {}).items():
        lines += ["", f"The baseline's {name} has the SHA-256 `{digest}`."]
    return [*lines, ""]
