"""The report as JUnit XML, one test case per check: what most CI systems show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from prunepack.stages.reporting.report import reason

if TYPE_CHECKING:
    from prunepack.stages.metrics.limits import Check
    from prunepack.stages.reporting.report import Report

__all__ = ["to_junit"]


def to_junit(report: Report) -> bytes:
    """Return the report in the form that pytest's ``junit_family = xunit2`` has.

    A check that cannot tell is a failure where it stops the release, and skipped where it does not.
    """
    stopping = [check for check in report.checks if _stops(report, check)]
    skipped = len(report.open) - len(stopping)
    counts = {
        "tests": str(max(len(report.checks), 1)),
        "failures": str(len(stopping) if report.checks else 1),
        "errors": "0",
    }
    suites = ET.Element("testsuites", {"name": "prunepack", **counts})
    more = {"skipped": str(skipped), "time": "0"}
    suite = ET.SubElement(suites, "testsuite", {"name": "prunepack.gate", **counts, **more})
    properties = ET.SubElement(suite, "properties")
    for name, digest in report.digests.items():
        ET.SubElement(properties, "property", {"name": f"sha256:{name}", "value": digest})
    for check in report.checks:
        _add(report, check, suite)
    if not report.checks:
        case = _case(suite, "gate")
        ET.SubElement(case, "failure", {"type": "failed", "message": report.verdict})
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _stops(report: Report, check: Check) -> bool:
    return check.outcome == "failed" or (check.outcome == "undecided" and not report.lenient)


def _add(report: Report, check: Check, suite: ET.Element) -> None:
    case = _case(suite, check.limit.name)
    if check.outcome != "passed":
        tag = "failure" if _stops(report, check) else "skipped"
        said = {"type": check.outcome, "message": _printable(reason(check))}
        ET.SubElement(case, tag, said).text = _printable(check.metric.note)


def _case(suite: ET.Element, name: str) -> ET.Element:
    group, _, last = name.rpartition(".")
    names = {"classname": f"prunepack.{group}".rstrip("."), "name": last, "time": "0"}
    return ET.SubElement(suite, "testcase", {key: _printable(text) for key, text in names.items()})


def _printable(text: str) -> str:
    """Replace what XML 1.0 cannot hold (its production Char): a name of the user's may have it."""
    return "".join(one if _is_char(ord(one)) else "\N{REPLACEMENT CHARACTER}" for one in text)


def _is_char(code: int) -> bool:
    ranges = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
    return code in {0x9, 0xA, 0xD} or any(first <= code <= last for first, last in ranges)
