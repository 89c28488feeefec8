"""Files of a report, in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.metrics.metric import write_json
from prunepack.stages.reporting.gitlab import to_code_quality
from prunepack.stages.reporting.junit import to_junit
from prunepack.stages.reporting.markdown import to_markdown
from prunepack.stages.reporting.report import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prunepack.stages.reporting.report import Report

__all__ = ["FILES", "write_code_quality", "write_report"]

FILES = (
    "report.json",
    "report.md",
    "report.html",
    "plots.json",
    "junit.xml",
    "code-quality.json",
)
"""Files that :func:`write_report` writes."""


def write_report(report: Report, out: Path) -> None:
    """Write :data:`FILES` into the folder ``out``."""
    from prunepack.stages.reporting.charts.gallery import to_plots
    from prunepack.stages.reporting.page.render import to_html

    write_json(out / "report.json", to_json(report))
    (out / "report.md").write_text(to_markdown(report), encoding="utf-8")
    (out / "report.html").write_text(to_html(report), encoding="utf-8")
    write_json(out / "plots.json", to_plots(report))
    (out / "junit.xml").write_bytes(to_junit(report))
    write_code_quality(report, out, {})


def write_code_quality(report: Report, out: Path, lines: Mapping[str, tuple[Path, int]]) -> None:
    """Write ``code-quality.json`` into ``out``, with file and line of each limit by its text."""
    write_json(out / "code-quality.json", to_code_quality(report, lines))
