"""The report as GitLab's code quality JSON, which merge requests show."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = ["to_code_quality"]


def to_code_quality(
    report: Report, lines: Mapping[str, tuple[Path, int]] | None = None
) -> list[dict[str, Any]]:
    """Return an issue for each check that did not pass, in the format of "Code Quality".

    An issue's fingerprint covers the metric and the sense of its limit, so that GitLab recognizes
    it when the threshold or the value has changed.

    Args:
        report: The report.
        lines: File and line, counted from 1, of each limit by its text; an issue without a line
            is shown at the report.
    """
    issues = [
        _issue(
            f"{check.name} {check.limit.sense}",
            check.reason,
            _find_severity(check),
            (lines or {}).get(str(check.limit)),
        )
        for check in report.not_passed
    ]
    if not report.checks:
        issues.append(_issue("gate", report.verdict, "critical", None))
    return issues


def _find_severity(check: CheckResult) -> str:
    """Return the severity: an undecided check that lets the release pass is for information."""
    if check.passed:
        return "info"
    return "critical" if check.outcome == "failed" else "major"


def _issue(
    name: str, description: str, severity: str, place: tuple[Path, int] | None
) -> dict[str, Any]:
    path, line = ("report.json", 1) if place is None else (place[0].as_posix(), place[1])
    return {
        "type": "issue",
        "check_name": f"prunepack: {name}",
        "description": description,
        "severity": severity,
        "fingerprint": hashlib.sha256(name.encode()).hexdigest(),
        "location": {"path": path, "lines": {"begin": line}},
    }
