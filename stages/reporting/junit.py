"""The report as JUnit XML; every check is a test."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = ["to_junit"]


def to_junit(report: Report) -> bytes:
    """Return the report in the format of pytest's ``junit_family = xunit2``.

    An undecided check is a failure if it stops the release, and skipped if it does not.
    """
    failures = sum(not check.passed for check in report.checks)
    counts = {
        "tests": str(max(len(report.checks), 1)),
        "failures": str(failures if report.checks else 1),
        "errors": "0",
    }
    suites = ET.Element("testsuites", {"name": "prunepack", **counts})
    more = {"skipped": str(len(report.not_passed) - failures), "time": "0"}
    suite = ET.SubElement(suites, "testsuite", {"name": "prunepack.gate", **counts, **more})
    _add_properties(report, suite)
    for check in report.checks:
        _add_check(check, suite)
    if not report.checks:
        case = _add_case(suite, "gate")
        ET.SubElement(case, "failure", {"type": "failed", "message": report.verdict})
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _add_properties(report: Report, suite: ET.Element) -> None:
    """Add the verdict in one line, and the digests of the files."""
    properties = ET.SubElement(suite, "properties")
    verdict = {"name": "verdict", "value": _printable(report.summary)}
    ET.SubElement(properties, "property", verdict)
    for name, digest in report.digests.items():
        ET.SubElement(properties, "property", {"name": f"sha256:{name}", "value": digest})


def _add_check(check: CheckResult, suite: ET.Element) -> None:
    case = _add_case(suite, check.name)
    if check.outcome != "passed":
        tag = "skipped" if check.passed else "failure"
        attributes = {"type": check.outcome, "message": _printable(check.reason)}
        lines = [check.note] if check.note else []
        lines += [f"hint: {check.hint}"] if check.hint else []
        ET.SubElement(case, tag, attributes).text = _printable("\n".join(lines))


def _add_case(suite: ET.Element, name: str) -> ET.Element:
    group, _, last = name.rpartition(".")
    names = {"classname": f"prunepack.{group}".rstrip("."), "name": last, "time": "0"}
    return ET.SubElement(suite, "testcase", {key: _printable(text) for key, text in names.items()})


def _printable(text: str) -> str:
    """Replace characters that XML 1.0 cannot hold (its production Char)."""
    return "".join(char if _is_char(ord(char)) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _is_char(code: int) -> bool:
    ranges = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return code in {0x9, 0xA, 0xD} or any(first <= code <= last for first, last in ranges)
