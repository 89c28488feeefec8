"""The report: what was measured, what was judged, in forms for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from stages.metrics import Metric, metrics_to_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stages.limits import Check

__all__ = [
    "FORMAT",
    "Report",
    "figure",
    "measured",
    "to_json",
    "to_junit",
    "to_markdown",
    "write_report",
]

FORMAT = 1
"""Version of ``report.json``; a reader refuses one that it does not know."""


@dataclass(frozen=True, slots=True)
class Report:
    """Figures, the checks made on them, and what they were measured on.

    Attributes:
        checks: Every limit with its figure.
        metrics: Every figure, limited or not.
        digests: SHA-256 by what it is of.
        host: The machine that the times were measured on.
    """

    checks: tuple[Check, ...]
    metrics: Mapping[str, Metric]
    digests: Mapping[str, str]
    host: str

    @property
    def verdict(self) -> str:
        """``passed``, ``failed``, or ``nothing was checked``: no check is not a pass."""
        if not self.checks:
            return "nothing was checked"
        return "passed" if all(check.passed for check in self.checks) else "failed"

    @property
    def exit_code(self) -> int:
        """The exit code that a build is gated on."""
        return {"passed": 0, "failed": 1}.get(self.verdict, 5)


def figure(value: float | None, unit: str = "") -> str:
    """Return a number as people read it, with its unit."""
    if value is None:
        return ""
    whole = float(value).is_integer() and abs(value) < 1e15
    text = f"{value:,.0f}" if whole else f"{value:.4g}"
    return f"{text} {unit}".strip()


def measured(metric: Metric) -> str:
    """Return a figure with its interval, if it has one."""
    text = figure(metric.value, metric.unit)
    if metric.low is None or metric.high is None:
        return text
    return f"{text} [{figure(metric.low)}, {figure(metric.high)}]"


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    checks = [
        {
            "name": check.limit.name,
            "limit": str(check.limit),
            "passed": check.passed,
            **metrics_to_json({"": check.metric})[""],
        }
        for check in report.checks
    ]
    return {
        "format": FORMAT,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "checks": checks,
        "metrics": metrics_to_json(report.metrics),
        "digests": dict(report.digests),
        "host": report.host,
    }


def to_markdown(report: Report) -> str:
    """Return the report as a page: the verdict, what failed, all checks, all figures."""
    failed = [check for check in report.checks if not check.passed]
    lines = [f"# Verdict: {report.verdict}", ""]
    lines += [f"- **{c.limit}** failed: {measured(c.metric)}. {c.metric.note}" for c in failed]
    lines += [
        "",
        "## Checks",
        "",
        "| | check | measured | limit | where |",
        "|---|---|---|---|---|",
    ]
    for check in report.checks:
        mark = "ok" if check.passed else "**FAIL**"
        bound = f"{check.limit.sense} {check.limit.bound:g}"
        cells = (mark, f"`{check.limit.name}`", measured(check.metric), bound, check.metric.note)
        lines.append(_row(cells))
    lines += ["", "## Figures", "", "| figure | value | where |", "|---|---|---|"]
    for name, metric in sorted(report.metrics.items()):
        lines.append(_row((f"`{name}`", measured(metric), metric.note)))
    lines += ["", "## What was judged", "", "| | SHA-256 |", "|---|---|"]
    lines += [_row((name, f"`{digest}`")) for name, digest in report.digests.items()]
    lines += ["", f"Times were measured on {report.host}.", ""]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def to_junit(report: Report) -> bytes:
    """Return the report as JUnit XML, one test case per check."""
    failures = sum(not check.passed for check in report.checks)
    tests = max(len(report.checks), 1)
    counts = {"tests": str(tests), "failures": str(failures if report.checks else 1)}
    suites = ET.Element("testsuites", {"name": "prunepack", **counts})
    fixed = {"errors": "0", "skipped": "0", "time": "0"}
    suite = ET.SubElement(suites, "testsuite", {"name": "prunepack.gate", **counts, **fixed})
    for check in report.checks:
        case = _case(suite, check.limit.name)
        if not check.passed:
            message = f"{check.limit}, measured {measured(check.metric)}"
            ET.SubElement(case, "failure", {"message": message}).text = check.metric.note
    if not report.checks:
        ET.SubElement(_case(suite, "gate"), "failure", {"message": report.verdict})
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _case(suite: ET.Element, name: str) -> ET.Element:
    group, _, last = name.rpartition(".")
    names = {"classname": f"prunepack.{group}".rstrip("."), "name": last, "time": "0"}
    return ET.SubElement(suite, "testcase", names)


def write_report(report: Report, out: Path) -> None:
    """Write ``report.json``, ``report.md`` and ``junit.xml`` into ``out``."""
    write_json(out / "report.json", to_json(report))
    (out / "report.md").write_text(to_markdown(report), encoding="utf-8")
    (out / "junit.xml").write_bytes(to_junit(report))
