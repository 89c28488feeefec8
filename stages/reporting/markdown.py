"""The report as a page for people, and as the summary of a CI job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prunepack.stages.metrics.limits import ALWAYS, Limit
from prunepack.stages.reporting.report import figure, finding, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.metrics.limits import Check
    from prunepack.stages.reporting.report import Report

__all__ = ["to_markdown"]

MARKS = {"passed": "ok", "undecided": "**cannot tell**", "failed": "**FAILED**"}
"""What a check came to, the worst last."""


def to_markdown(report: Report) -> str:
    """Return the verdict, what did not pass, all checks, all figures and what was judged."""
    parts = [
        [f"# Verdict: {report.verdict}", "", _count(report)],
        ["", *(f"- {_open(check)}" for check in report.open)] if report.open else [],
        ["", "## Checks", ""],
        _table(("", "check", "measured", "limit", "where"), map(_check, _in_order(report))),
        ["", "## Figures", "", "<details><summary>All that was measured</summary>", ""],
        _table(
            ("figure", "value", "where"),
            (
                (f"`{name}`", measured(metric), metric.note)
                for name, metric in sorted(report.metrics.items())
            ),
        ),
        ["", "</details>", "", "## What was judged", ""],
        _table(("file", "SHA-256"), ((name, f"`{one}`") for name, one in report.digests.items())),
        _context(report),
    ]
    return "\n".join(line for part in parts for line in part)


def _count(report: Report) -> str:
    passed = sum(check.outcome == "passed" for check in report.checks)
    return f"{passed} of {len(report.checks)} checks passed."


def _in_order(report: Report) -> list[Check]:
    """Put first what did not pass, then what was asked for, then what always holds."""
    usual = {str(Limit.parse(text)) for text in ALWAYS}
    ranks = list(MARKS)
    return sorted(
        report.checks,
        key=lambda check: (-ranks.index(check.outcome), str(check.limit) in usual),
    )


def _open(check: Check) -> str:
    note = f" {_escaped(check.metric.note)}." if check.metric.note else ""
    word = "failed" if check.outcome == "failed" else "cannot be told"
    return f"**{check.limit}** {word}: {finding(check)}.{note}"


def _check(check: Check) -> tuple[str, ...]:
    limit = str(check.limit).removeprefix(check.limit.name).strip()
    if check.limit.of:
        limit += f" = {figure(check.bound)}"
    note = check.metric.note
    return MARKS[check.outcome], f"`{check.limit.name}`", measured(check.metric), limit, note


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> list[str]:
    return [_row(head), "|---" * len(head) + "|", *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Keep a text from ending its cell or its line, and from starting a tag of HTML."""
    return " ".join(re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text).replace("|", "\\|").split())


def _context(report: Report) -> list[str]:
    lines = ["", f"Times were measured on {report.host}." if report.host else "No time was judged."]
    for name, digest in (report.baseline or {}).items():
        lines += ["", f"The baseline's {name} has the SHA-256 `{digest}`."]
    return [*lines, ""]
