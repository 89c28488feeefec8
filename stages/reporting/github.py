"""The report for GitHub Actions: one annotation per problem, and the job's summary.

Errors in its place need no package of the build side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = [
    "SUMMARY_LIMIT",
    "append_failure",
    "append_summary",
    "failure_command",
    "workflow_commands",
]

SUMMARY_LIMIT = 1 << 20
"""Bytes that GitHub shows of a step's summary; it shows nothing of a longer one."""


def workflow_commands(report: Report, lines: Mapping[str, tuple[Path, int]]) -> Iterator[str]:
    """Yield a workflow command for each check that did not pass, and one for the verdict.

    The format is GitHub's "Workflow commands": ``::error title=…,file=…,line=…::message``.

    Args:
        report: The report.
        lines: File and line, counted from 1, of each limit by its text.
    """
    for check in report.not_passed:
        level = "warning" if check.passed else "error"
        place = {"title": f"prunepack: {check.name} {check.outcome}"}
        if (line := lines.get(str(check.limit))) is not None:
            place |= {"file": line[0].as_posix(), "line": str(line[1])}
        yield _command(level, place, "\n".join(_message(check)))
    level = "notice" if report.verdict == "passed" else "error"
    yield _command(level, {"title": "prunepack"}, f"Verdict: {report.summary}")


def _message(check: CheckResult) -> list[str]:
    hint = [f"hint: {check.hint}"] if check.hint else []
    return [check.reason, *([check.note] if check.note else []), *hint]


def append_summary(report: Report, summary: Path) -> None:
    """Append the report to the file of ``GITHUB_STEP_SUMMARY``, without metrics if it is full."""
    from prunepack.stages.reporting.markdown import METRICS_HEADING, to_markdown

    text = to_markdown(report)
    used = summary.stat().st_size if summary.exists() else 0
    if used + len(text.encode()) > SUMMARY_LIMIT:
        head = text.partition(f"\n{METRICS_HEADING}")[0]
        text = f"{head}\n\nThe metrics do not fit here; report.md has them.\n"
    _append(text, summary)


def failure_command(text: str) -> str:
    """Return the workflow command for the error of a command that gave no report."""
    return _command("error", {"title": "prunepack"}, text)


def append_failure(text: str, summary: Path) -> None:
    """Append the error of a command to the file of ``GITHUB_STEP_SUMMARY``, as code."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    _append(f"# No verdict\n\n{lines}\n", summary)


def _append(text: str, summary: Path) -> None:
    with summary.open("a", encoding="utf-8") as file:
        file.write(text)


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    given = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
