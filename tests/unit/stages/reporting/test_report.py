"""The report: one verdict, in forms for people, for machines and for CI."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from jsonschema import Draft202012Validator
from junitparser import JUnitXml

import prunepack.stages.reporting.report
from prunepack.stages.metrics.files import FORMAT, MetricSet
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric, metrics_from_json
from prunepack.stages.reporting.built_in_checks import merge_limits
from prunepack.stages.reporting.checks import evaluate_limits
from prunepack.stages.reporting.github import SUMMARY_LIMIT, append_summary, workflow_commands
from prunepack.stages.reporting.gitlab import to_code_quality
from prunepack.stages.reporting.junit import to_junit
from prunepack.stages.reporting.markdown import to_markdown
from prunepack.stages.reporting.report import Report, make_report, to_json
from prunepack.stages.reporting.schema import SCHEMA_FILE, main, make_schema
from prunepack.stages.reporting.settings import GateSettings
from prunepack.stages.reporting.wording import format_metric, format_number
from prunepack.stages.reporting.writers import FILES, write_report

SCHEMA = json.loads(
    Path(prunepack.stages.reporting.report.__file__).with_name("report.schema.json").read_bytes()
)
VALID = Draft202012Validator(SCHEMA)
JUNIT = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))

METRICS = {
    "size.ratio": Metric(9.25, "×", note="dense | packed"),
    "latency.ratio": Metric(1.5, "×", low=1.25, high=1.75, note="on one core"),
    "accuracy.drop": Metric(0.3, "points", low=0.1, high=0.5, note="<b>a & b</b>"),
    "accuracy.samples": Metric(900, "samples"),
    "tolerance": Metric(math.nan, note="y[0]: 1 and nan"),
    "time": Metric(math.inf, "ms"),
}
OLD = {"size.ratio": Metric(10, "×")}
NO_LIMIT = "accuracy has no limit"


def report(*limits, lenient=False):
    found = MetricSet(METRICS, {"model.onnx": "ab" * 32}, "a machine, 2 cores")
    checks = evaluate_limits(map(Limit.parse, limits), found, MetricSet(OLD))
    gate = GateSettings(limits=limits, undecided="pass" if lenient else "fail")
    baseline = {"old.prunepack": "cd" * 32} if "baseline" in "".join(limits) else None
    host = "a machine, 2 cores"
    return make_report(checks, METRICS, found.digests, host, gate, baseline)


PASSED = report("size.ratio >= 8.5", "latency.ratio <= 1.8")
BUSY = report("size.ratio >= 8.5", "latency.ratio <= 1.3")
FAILED = report("size.ratio >= 8.5", "latency.ratio <= 1.2", "tolerance <= 1e-4")
EMPTY = report()
UNDECIDED = report("size.ratio >= 8.5", "accuracy.drop <= 0.4")
LENIENT = report("size.ratio >= 8.5", "accuracy.drop <= 0.4", lenient=True)
MIXED = report("accuracy.drop <= 0.4", "size.ratio >= 0.98 x baseline", "latency.ratio <= 1.8")
ALL = pytest.mark.parametrize("one", [PASSED, FAILED, EMPTY, UNDECIDED, LENIENT, MIXED, BUSY])


@pytest.mark.parametrize(
    ("one", "verdict", "code", "summary"),
    [
        (PASSED, "passed", 0, f"passed: 2 of 2 checks; {NO_LIMIT}"),
        (FAILED, "failed", 1, f"failed: 2 of 3 checks, latency.ratio, tolerance; {NO_LIMIT}"),
        (BUSY, "passed", 0, f"passed: 1 of 2 checks; undecided: 1, latency.ratio; {NO_LIMIT}"),
        (EMPTY, "nothing was checked", 5, "nothing was checked: 0 of 0 checks"),
        (UNDECIDED, "undecided", 1, "undecided: 1 of 2 checks, accuracy.drop"),
        (LENIENT, "passed", 0, "passed: 1 of 2 checks; undecided: 1, accuracy.drop"),
        (MIXED, "failed", 1, "failed: 1 of 3 checks, size.ratio; undecided: 1, accuracy.drop"),
    ],
)
def test_the_verdict_and_its_exit_code(one, verdict, code, summary):
    assert (one.verdict, one.exit_code, one.summary) == (verdict, code, summary)
    content = to_json(one)
    assert (content["verdict"], content["exit_code"]) == (verdict, code)
    assert content["summary"] == summary
    heading = f"{verdict}; {NO_LIMIT}" if summary.endswith(NO_LIMIT) else verdict
    assert to_markdown(one).startswith(f"# Verdict: {heading}\n")


def test_what_failed_comes_before_what_cannot_be_told():
    assert [check.name for check in MIXED.not_passed] == ["size.ratio", "accuracy.drop"]


def test_a_reason_says_what_would_settle_it():
    size, drop = (check.reason for check in MIXED.not_passed)
    assert size == "size.ratio >= 0.98 x baseline, measured 9.25 ×, the threshold is 9.8 ×"
    start = "accuracy.drop <= 0.4, measured 0.3 points [0.1, 0.5]; 900 samples leave it undecided"
    assert drop.startswith(f"{start}, about 7,")
    assert drop.endswith(" would decide if the value stays the same")


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
    assert format_number(value, unit) == text


def test_an_estimate_shows_its_interval():
    assert format_metric(METRICS["latency.ratio"]) == "1.5 × [1.25, 1.75]"
    assert format_metric(Metric(2, low=1)) == "2"


def test_json_is_standard_and_comes_back(tmp_path):
    write_report(FAILED, tmp_path)
    text = (tmp_path / "report.json").read_bytes()
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert content == to_json(FAILED)
    assert content["format"] == FORMAT == 2
    assert (content["verdict"], content["exit_code"]) == ("failed", 1)
    assert content["host"] == "a machine, 2 cores"
    assert content["digests"] == {"model.onnx": "ab" * 32}
    assert content["baseline"] is None
    assert content["gate"]["undecided"] == "fail"
    assert content["checks"][1] == {
        "name": "latency.ratio",
        "limit": "latency.ratio <= 1.2",
        "threshold": 1.2,
        "outcome": "failed",
        "passed": False,
        "samples_needed": None,
        "reason": "latency.ratio <= 1.2, measured 1.5 × [1.25, 1.75]",
        "hint": None,
        "value": 1.5,
        "unit": "×",
        "low": 1.25,
        "high": 1.75,
        "note": "on one core",
        "replaces": None,
    }
    assert content["metrics"]["tolerance"]["value"] == "NaN"
    assert content["metrics"]["time"]["value"] == "Infinity"
    assert repr(metrics_from_json(content["metrics"], tmp_path)) == repr(METRICS)


@ALL
def test_json_is_what_the_schema_says(one):
    VALID.validate(json.loads(json.dumps(to_json(one))))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 1),
        ("verdict", "fine"),
        ("exit_code", 1),
        ("checks", []),
        ("host", None),
        ("digests", {"model.onnx": "short"}),
        ("metrics", {"x": 1}),
        ("metrics", {"x": {**to_json(PASSED)["metrics"]["time"], "value": None}}),
        ("checks", [{**to_json(PASSED)["checks"][0], "passed": False}]),
        ("checks", [{**to_json(PASSED)["checks"][0], "outcome": "fine"}]),
        ("provenance", {}),
    ],
)
def test_the_schema_refuses_what_contradicts_itself(key, value):
    assert not VALID.is_valid(to_json(PASSED) | {key: value})


def test_a_report_is_read_back_as_it_was():
    for one in (PASSED, FAILED, EMPTY, UNDECIDED, LENIENT, MIXED, BUSY):
        again = Report.model_validate_json(json.dumps(to_json(one)))
        assert repr(again) == repr(one)


def test_the_schema_is_that_of_the_models(tmp_path, monkeypatch, capsys):
    assert SCHEMA_FILE.read_text(encoding="utf-8") == make_schema()
    assert main(["--check"]) == 0
    stale = tmp_path / "report.schema.json"
    stale.write_text("{}")
    monkeypatch.setattr("prunepack.stages.reporting.schema.SCHEMA_FILE", stale)
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "error: 'report.schema.json' does not follow from the report's models\n"
        "hint: Run `python -m prunepack.stages.reporting.schema`\n"
    )
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_a_failed_built_in_check_comes_with_its_remedy():
    limit = "torch.training_layers <= 0"
    metrics = {"torch.training_layers": Metric(1, "layers")}
    checks = evaluate_limits([Limit.parse(limit)], MetricSet(metrics))
    failed = make_report(checks, metrics, {}, "", GateSettings())
    (check,) = failed.checks
    assert check.hint is not None
    assert check.hint.startswith("Let eval() reach these layers")
    assert f"*{check.hint}.*" in to_markdown(failed)
    assert check.hint in to_junit(failed).decode()
    assert next(workflow_commands(failed, {})).endswith(f"%0Ahint: {check.hint}")


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"]["const"] == FORMAT


def test_markdown_names_what_failed_first_and_escapes_its_cells():
    lines = to_markdown(FAILED).splitlines()
    assert lines[2:4] == [
        "1 of 3 checks passed.",
        "",
    ]
    assert lines[4:6] == [
        "- **latency.ratio <= 1.2** failed: measured 1.5 × [1.25, 1.75]. on one core.",
        "- **tolerance <= 0.0001** failed: measured nan. y[0]: 1 and nan.",
    ]
    assert r"| ok | `size.ratio` | 9.25 × | >= 8.5 | dense \| packed |" in lines
    assert "| **FAILED** | `latency.ratio` | 1.5 × [1.25, 1.75] | <= 1.2 | on one core |" in lines
    assert r"| `size.ratio` | 9.25 × | dense \| packed |" in lines
    assert "| `time` | inf ms |  |" in lines
    assert f"| model.onnx | `{'ab' * 32}` |" in lines
    assert lines[-1] == "Times were measured on a machine, 2 cores."


def test_markdown_begins_with_what_people_look_for():
    metrics = {"runtime.nodes_elsewhere": Metric(0), "size.ratio": Metric(9), "a": Metric(1)}
    limits = merge_limits(map(Limit.parse, ["size.ratio >= 8", "a >= 2"]))
    asked = [limit for limit in limits if limit.name in metrics]
    checks = evaluate_limits(asked, MetricSet(metrics))
    lines = to_markdown(make_report(checks, metrics, {}, "", GateSettings())).splitlines()
    names = [line.split("`")[1] for line in lines if line.startswith(("| ok", "| **FAILED"))]
    assert names == ["a", "size.ratio", "runtime.nodes_elsewhere"]


def test_markdown_of_a_pass_names_no_failure():
    text = to_markdown(PASSED)
    assert "failed" not in text
    assert "FAIL" not in text


def test_markdown_says_what_cannot_be_told_and_starts_no_tag():
    text = to_markdown(MIXED)
    assert "- **accuracy.drop <= 0.4** undecided: measured 0.3 points [0.1, 0.5]; 900" in text
    assert "| **undecided** | `accuracy.drop` | 0.3 points [0.1, 0.5] | <= 0.4 |" in text
    assert "| >= 0.98 x baseline = 9.8 |" in text
    assert "&lt;b>a & b&lt;/b>" in text
    assert "<b>" not in text
    assert f"The baseline's old.prunepack has the SHA-256 `{'cd' * 32}`." in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    columns = None
    for line in to_markdown(FAILED).splitlines():
        cells = line.replace(r"\|", "").count("|") if line.startswith("|") else None
        assert columns is None or cells in {None, columns}, line
        columns = cells


@pytest.mark.parametrize(
    ("one", "tests", "failures", "skipped"),
    [
        (PASSED, 2, 0, 0),
        (FAILED, 3, 2, 0),
        (EMPTY, 1, 1, 0),
        (UNDECIDED, 2, 1, 0),
        (LENIENT, 2, 0, 1),
        (MIXED, 3, 2, 0),
        (BUSY, 2, 0, 1),
    ],
)
def test_junit_has_a_case_for_each_check(one, tests, failures, skipped, tmp_path):
    (tmp_path / "junit.xml").write_bytes(to_junit(one))
    JUNIT.validate(tmp_path / "junit.xml")
    read = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    (suite,) = read
    assert (suite.tests, suite.failures, suite.skipped, suite.errors) == (
        tests,
        failures,
        skipped,
        0,
    )
    assert (read.tests, read.failures) == (tests, failures)
    results = [type(result).__name__ for case in suite for result in case.result]
    assert sorted(results) == ["Failure"] * failures + ["Skipped"] * skipped
    assert len(list(suite)) == tests
    assert {each.name: each.value for each in suite.properties()} == {
        "verdict": one.summary,
        "sha256:model.onnx": "ab" * 32,
    }


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
    assert (failure.get("type"), failure.text) == ("failed", "on one core")


def test_junit_holds_any_name_that_a_user_may_give():
    metrics = {"size.ratio": Metric(1, note="\x00\x1b[31m]]> <&> \ud800 \uffff é")}
    checks = evaluate_limits([Limit.parse("size.ratio >= 2")], MetricSet(metrics))
    xml = to_junit(make_report(checks, metrics, {}, "", GateSettings()))
    JUNIT.validate(xml.decode())
    text = ET.fromstring(xml).find("testsuite/testcase/failure").text
    assert text == "\ufffd\ufffd[31m]]> <&> \ufffd \ufffd é"


def test_junit_of_nothing_says_so():
    failure = ET.fromstring(to_junit(EMPTY)).find("testsuite/testcase/failure")
    assert failure.get("message") == "nothing was checked"


PLACES = {"accuracy.drop <= 0.4": (Path("ci/gate, 1.toml"), 7)}


def test_annotations_name_the_line_that_a_limit_is_on():
    drop, size, verdict = sorted(workflow_commands(MIXED, PLACES))
    assert drop.startswith(
        "::error title=prunepack%3A accuracy.drop undecided,file=ci/gate%2C 1.toml,line=7::"
        "accuracy.drop <= 0.4, measured 0.3 points"
    )
    assert "would decide if the value stays the same%0A<b>a & b</b>%0Ahint: Prune less" in drop
    assert size == (
        "::error title=prunepack%3A size.ratio failed::size.ratio >= 0.98 x baseline, measured "
        "9.25 ×, the threshold is 9.8 ×%0Adense | packed"
    )
    assert verdict == f"::error title=prunepack::Verdict: {MIXED.summary}"


@pytest.mark.parametrize(
    ("one", "levels"),
    [
        (PASSED, ["notice"]),
        (LENIENT, ["warning", "notice"]),
        (BUSY, ["warning", "notice"]),
        (UNDECIDED, ["error", "error"]),
        (EMPTY, ["error"]),
    ],
)
def test_annotations_are_as_grave_as_the_outcome(one, levels):
    assert [line[2:].split()[0] for line in workflow_commands(one, {})] == levels


def test_an_annotation_is_one_line_whatever_it_says():
    metrics = {"x": Metric(2, note="100 %\r\n::error::not ours")}
    checks = evaluate_limits([Limit.parse("x <= 1")], MetricSet(metrics))
    lines = list(workflow_commands(make_report(checks, metrics, {}, "", GateSettings()), {}))
    assert lines[0].endswith("%0A100 %25%0D%0A::error::not ours")
    assert not any("\n" in line for line in lines)


def test_the_job_summary_is_added_to_what_is_there(tmp_path):
    summary = tmp_path / "summary.md"
    append_summary(PASSED, summary)
    assert summary.read_text(encoding="utf-8") == to_markdown(PASSED)
    append_summary(FAILED, summary)
    assert summary.read_text(encoding="utf-8") == to_markdown(PASSED) + to_markdown(FAILED)


def test_a_job_summary_leaves_out_what_github_would_not_show(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("x" * (SUMMARY_LIMIT - 1000))
    append_summary(FAILED, summary)
    assert summary.stat().st_size < SUMMARY_LIMIT
    text = summary.read_text()
    assert "# Verdict: failed" in text
    assert text.endswith("The metrics do not fit here; report.md has them.\n")


def test_code_quality_has_what_gitlab_asks_for():
    size, drop = to_code_quality(MIXED, PLACES)
    assert size["description"] == MIXED.not_passed[0].reason
    assert (size["severity"], drop["severity"]) == ("critical", "major")
    assert size["location"] == {"path": "report.json", "lines": {"begin": 1}}
    assert drop["location"] == {"path": "ci/gate, 1.toml", "lines": {"begin": 7}}
    assert size["check_name"] == "prunepack: size.ratio >="
    assert len({size["fingerprint"], drop["fingerprint"]}) == 2


def test_code_quality_knows_a_figure_again_under_another_limit():
    (one,), (other,) = (to_code_quality(report(f"size.ratio >= {n}")) for n in (50, 60))
    assert one["fingerprint"] == other["fingerprint"]
    assert one["description"] != other["description"]


def test_code_quality_of_noise_is_for_information():
    (noise,) = to_code_quality(BUSY)
    assert noise["severity"] == "info"


def test_code_quality_of_a_pass_and_of_nothing():
    assert to_code_quality(PASSED) == []
    assert [one["description"] for one in to_code_quality(EMPTY)] == ["nothing was checked"]


def test_all_files(tmp_path):
    write_report(FAILED, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(FILES)
    assert (tmp_path / "report.md").read_bytes().decode() == to_markdown(FAILED)
    assert (tmp_path / "junit.xml").read_bytes() == to_junit(FAILED)
    assert json.loads((tmp_path / "code-quality.json").read_bytes()) == to_code_quality(FAILED)


def test_the_encoding_does_not_depend_on_the_machine(tmp_path):
    code = (
        "from pathlib import Path; from prunepack.stages.reporting.report import make_report\n"
        "from prunepack.stages.reporting.writers import write_report\n"
        "from prunepack.stages.metrics.metric import Metric\n"
        "metrics = {'size.ratio': Metric(9.5, '\\u00d7')}\n"
        "from prunepack.stages.reporting.settings import GateSettings\n"
        "write_report(make_report((), metrics, {}, '', GateSettings()), Path())"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=os.environ | plain)
    assert "9.5 ×" in (tmp_path / "report.md").read_bytes().decode()
