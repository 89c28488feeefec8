"""The report as GitLab's code quality JSON: what did not pass, shown in a merge request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from prunepack.stages.reporting.report import reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prunepack.stages.reporting.report import Report

__all__ = ["to_code_quality"]


def to_code_quality(
    report: Report, lines: Mapping[str, tuple[Path, int]] | None = None
) -> list[dict[str, Any]]:
    """Return an issue for each check that did not pass, as GitLab's "Code Quality" reads them.

    An issue's fingerprint is that of the figure and the sense of its limit, so that GitLab knows it
    again when the bound or the figure has changed.

    Args:
        report: The report.
        lines: File and line, counted from 1, where a limit is written, by the limit's text; an
            issue without one is shown at the report.
    """
    issues = [
        _issue(
            f"{check.limit.name} {check.limit.sense}",
            reason(check),
            "critical" if check.outcome == "failed" else "major",
            (lines or {}).get(str(check.limit)),
        )
        for check in report.open
    ]
    if not report.checks:
        issues.append(_issue("gate", report.verdict, "critical", None))
    return issues


def _issue(
    name: str, description: str, severity: str, written: tuple[Path, int] | None
) -> dict[str, Any]:
    path, line = ("report.json", 1) if written is None else (written[0].as_posix(), written[1])
    return {
        "type": "issue",
        "check_name": f"prunepack: {name}",
        "description": description,
        "severity": severity,
        "fingerprint": hashlib.sha256(name.encode()).hexdigest(),
        "location": {"path": path, "lines": {"begin": line}},
    }
