"""The report: one verdict, in forms for people, for machines and for CI."""

import json
import math
import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from stages.limits import Check, Limit
from stages.metrics import Metric, metrics_from_json
from stages.report import (
    FORMAT,
    Report,
    figure,
    measured,
    to_json,
    to_junit,
    to_markdown,
    write_report,
)

METRICS = {
    "size.ratio": Metric(9.25, "×", note="dense | packed"),
    "latency.ratio": Metric(1.5, "×", low=1.25, high=1.75, note="on one core"),
    "tolerance": Metric(math.nan, note="y[0]: 1 and nan"),
    "time": Metric(math.inf, "ms"),
}


def report(*limits):
    checks = tuple(Check(limit, METRICS[limit.name]) for limit in map(Limit.parse, limits))
    return Report(checks, METRICS, {"model.onnx": "ab" * 32}, "a machine, 2 cores")


PASSED = report("size.ratio >= 8.5", "latency.ratio <= 1.3")
FAILED = report("size.ratio >= 8.5", "latency.ratio <= 1.2", "tolerance <= 1e-4")
EMPTY = report()


@pytest.mark.parametrize(
    ("one", "verdict", "code"),
    [(PASSED, "passed", 0), (FAILED, "failed", 1), (EMPTY, "nothing was checked", 5)],
)
def test_the_verdict_and_its_exit_code(one, verdict, code):
    assert (one.verdict, one.exit_code) == (verdict, code)
    assert to_json(one)["verdict"] == verdict
    assert to_markdown(one).startswith(f"# Verdict: {verdict}\n")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", ""),
        (0, "", "0"),
        (1_234_567, "bytes", "1,234,567 bytes"),
        (9.2537, "×", "9.254 ×"),
        (0.000123456, "", "0.0001235"),
        (-3.0, "points", "-3 points"),
        (1e20, "", "1e+20"),
        (math.nan, "", "nan"),
        (math.inf, "ms", "inf ms"),
    ],
)
def test_figures_as_people_read_them(value, unit, text):
    assert figure(value, unit) == text


def test_an_estimate_shows_its_interval():
    assert measured(METRICS["latency.ratio"]) == "1.5 × [1.25, 1.75]"
    assert measured(Metric(2, low=1)) == "2"


def test_json_is_standard_and_comes_back(tmp_path):
    write_report(FAILED, tmp_path)
    text = (tmp_path / "report.json").read_bytes()
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert content == to_json(FAILED)
    assert content["format"] == FORMAT == 1
    assert (content["verdict"], content["exit_code"]) == ("failed", 1)
    assert content["host"] == "a machine, 2 cores"
    assert content["digests"] == {"model.onnx": "ab" * 32}
    assert content["checks"][1] == {
        "name": "latency.ratio",
        "limit": "latency.ratio <= 1.2",
        "passed": False,
        "value": 1.5,
        "unit": "×",
        "low": 1.25,
        "high": 1.75,
        "note": "on one core",
    }
    assert content["metrics"]["tolerance"]["value"] == "NaN"
    assert content["metrics"]["time"]["value"] == "Infinity"
    assert repr(metrics_from_json(content["metrics"], tmp_path)) == repr(METRICS)


def test_markdown_names_what_failed_first_and_escapes_its_cells():
    lines = to_markdown(FAILED).splitlines()
    assert lines[2:4] == [
        "- **latency.ratio <= 1.2** failed: 1.5 × [1.25, 1.75]. on one core",
        "- **tolerance <= 0.0001** failed: nan. y[0]: 1 and nan",
    ]
    assert r"| ok | `size.ratio` | 9.25 × | >= 8.5 | dense \| packed |" in lines
    assert "| **FAIL** | `latency.ratio` | 1.5 × [1.25, 1.75] | <= 1.2 | on one core |" in lines
    assert r"| `size.ratio` | 9.25 × | dense \| packed |" in lines
    assert "| `time` | inf ms |  |" in lines
    assert f"| model.onnx | `{'ab' * 32}` |" in lines
    assert lines[-1] == "Times were measured on a machine, 2 cores."


def test_markdown_of_a_pass_names_no_failure():
    text = to_markdown(PASSED)
    assert "failed" not in text
    assert "FAIL" not in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    columns = None
    for line in to_markdown(FAILED).splitlines():
        cells = line.replace(r"\|", "").count("|") if line.startswith("|") else None
        assert columns is None or cells in {None, columns}, line
        columns = cells


@pytest.mark.parametrize(
    ("one", "tests", "failures"), [(PASSED, 2, 0), (FAILED, 3, 2), (EMPTY, 1, 1)]
)
def test_junit_has_a_case_for_each_check(one, tests, failures):
    suites = ET.fromstring(to_junit(one))
    (suite,) = suites
    for element in (suites, suite):
        assert element.get("tests") == str(tests)
        assert element.get("failures") == str(failures)
    assert (suite.get("errors"), suite.get("skipped")) == ("0", "0")
    assert len(suite.findall("testcase")) == tests
    assert len(suite.findall("testcase/failure")) == failures


def test_junit_says_what_failed_and_by_how_much():
    cases = ET.fromstring(to_junit(FAILED)).findall("testsuite/testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("prunepack.size", "ratio"),
        ("prunepack.latency", "ratio"),
        ("prunepack", "tolerance"),
    ]
    assert cases[0].find("failure") is None
    failure = cases[1].find("failure")
    assert failure.get("message") == "latency.ratio <= 1.2, measured 1.5 × [1.25, 1.75]"
    assert failure.text == "on one core"


def test_junit_of_nothing_says_so():
    failure = ET.fromstring(to_junit(EMPTY)).find("testsuite/testcase/failure")
    assert failure.get("message") == "nothing was checked"


def test_three_files(tmp_path):
    write_report(FAILED, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"report.json", "report.md", "junit.xml"}
    assert (tmp_path / "report.md").read_bytes().decode() == to_markdown(FAILED)
    assert (tmp_path / "junit.xml").read_bytes() == to_junit(FAILED)


def test_the_encoding_does_not_depend_on_the_machine(tmp_path):
    code = (
        "from pathlib import Path; from stages.report import *; from stages.metrics import Metric\n"
        "metrics = {'size.ratio': Metric(9.5, '\\u00d7')}\n"
        "write_report(Report((), metrics, {}, ''), Path())"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=os.environ | plain)
    assert "9.5 ×" in (tmp_path / "report.md").read_bytes().decode()
