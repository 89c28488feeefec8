"""One report, three forms, the same verdict in each."""

import json
import math
from xml.etree import ElementTree as ET

import pytest

from stages.limits import Check, Limit
from stages.metrics import Metric, metrics_from_json
from stages.report import Report, figure, measured, to_json, to_junit, to_markdown, write_report

METRICS = {
    "size.ratio": Metric(9.5, "×", note="dense | artifact"),
    "accuracy.drop": Metric(math.nan, "points"),
    "latency.batch_1.ratio": Metric(1.0, "×", low=0.9, high=1.1),
}


def report(*limits):
    checks = tuple(Check(limit, METRICS[limit.name]) for limit in map(Limit.parse, limits))
    return Report(checks, METRICS, {"model.onnx": "ab" * 32}, "a processor, 2 cores")


PASSED = report("size.ratio >= 8.5", "latency.batch_1.ratio <= 1")
FAILED = report("size.ratio >= 8.5", "accuracy.drop <= 0.5")
EMPTY = report()


@pytest.mark.parametrize(
    ("one", "verdict", "code"),
    [(PASSED, "passed", 0), (FAILED, "failed", 1), (EMPTY, "nothing was checked", 5)],
)
def test_the_verdict_and_its_exit_code(one, verdict, code):
    assert one.verdict == verdict
    assert one.exit_code == code
    assert to_json(one)["verdict"] == verdict
    assert to_markdown(one).startswith(f"# Verdict: {verdict}\n")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "bytes", "1,234,567 bytes"),
        (0.000123456, "", "0.0001235"),
        (98.913, "%", "98.91 %"),
        (math.nan, "", "nan"),
        (math.inf, "", "inf"),
        (None, "", ""),
    ],
)
def test_figures_as_people_read_them(value, unit, text):
    assert figure(value, unit) == text


def test_an_estimate_shows_its_interval():
    assert measured(METRICS["latency.batch_1.ratio"]) == "1 × [0.9, 1.1]"


def test_json_is_standard_and_comes_back(tmp_path):
    write_report(FAILED, tmp_path)
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert content["checks"][1]["value"] == "NaN"
    assert content["checks"][1]["passed"] is False
    back = metrics_from_json(content["metrics"], tmp_path / "report.json")
    assert back["size.ratio"] == METRICS["size.ratio"]
    assert math.isnan(back["accuracy.drop"].value)


def test_markdown_names_what_failed_first_and_escapes_its_cells():
    text = to_markdown(FAILED)
    assert "- **accuracy.drop <= 0.5** failed: nan points" in text
    assert text.index("failed: nan") < text.index("## Checks")
    assert "dense \\| artifact" in text
    assert "| ok | `size.ratio` | 9.5 × | >= 8.5 |" in text
    assert "| **FAIL** | `accuracy.drop` |" in text
    assert "ab" * 32 in text
    assert "a processor, 2 cores" in text


@pytest.mark.parametrize(
    ("one", "tests", "failures"), [(PASSED, 2, 0), (FAILED, 2, 1), (EMPTY, 1, 1)]
)
def test_junit_has_a_case_for_each_check(one, tests, failures):
    suites = ET.fromstring(to_junit(one))
    suite = suites.find("testsuite")
    for element in (suites, suite):
        assert element.get("tests") == str(tests)
        assert element.get("failures") == str(failures)
    assert len(suite.findall("testcase")) == tests
    assert len(suite.findall("testcase/failure")) == failures


def test_junit_says_what_failed_and_by_how_much():
    case = ET.fromstring(to_junit(FAILED)).findall("testsuite/testcase")[1]
    assert (case.get("classname"), case.get("name")) == ("prunepack.accuracy", "drop")
    assert case.find("failure").get("message") == "accuracy.drop <= 0.5, measured nan points"
