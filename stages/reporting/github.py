"""The report for GitHub Actions: a line per problem, and a page for the job's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.reporting.markdown import to_markdown
from prunepack.stages.reporting.report import reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prunepack.stages.reporting.report import Report

__all__ = ["SUMMARY_LIMIT", "summarize", "workflow_commands"]

SUMMARY_LIMIT = 1 << 20
"""Bytes that a step's summary may have; GitHub shows none of a longer one."""


def workflow_commands(report: Report, lines: Mapping[str, tuple[Path, int]]) -> Iterator[str]:
    """Yield a workflow command for each check that did not pass, and one for the verdict.

    The form is that of GitHub's "Workflow commands": ``::error title=…,file=…,line=…::message``.

    Args:
        report: The report.
        lines: File and line, counted from 1, where a limit is written, by the limit's text.
    """
    for check in report.open:
        level = "warning" if report.lenient and check.outcome == "undecided" else "error"
        where = {"title": f"prunepack: {check.limit.name} {check.outcome}"}
        if (written := lines.get(str(check.limit))) is not None:
            where |= {"file": written[0].as_posix(), "line": str(written[1])}
        note = f"\n{check.metric.note}" if check.metric.note else ""
        yield _command(level, where, f"{reason(check)}{note}")
    level = "notice" if report.verdict == "passed" else "error"
    yield _command(level, {"title": "prunepack"}, f"Verdict: {report.summary}")


def summarize(report: Report, summary: Path) -> None:
    """Append the report to the file that ``GITHUB_STEP_SUMMARY`` names, as far as it has room."""
    text = to_markdown(report)
    used = summary.stat().st_size if summary.exists() else 0
    if used + len(text.encode()) > SUMMARY_LIMIT:
        head = text.partition("\n## Figures")[0]
        text = f"{head}\n\nThe figures are left out here; report.md has them.\n"
    with summary.open("a", encoding="utf-8") as file:
        file.write(text)


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
