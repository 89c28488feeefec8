"""Laws of reports: any input is read or refused, and a written report is complete and valid."""

import json
import math
import tempfile
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import prunepack.stages.reporting.report
from prunepack.errors import RefusedError
from prunepack.stages.gate import GateConfig, judge, read_gate_config
from prunepack.stages.metrics.files import MetricSet
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric, metrics_to_json
from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS
from prunepack.stages.reporting.checks import evaluate_limits
from prunepack.stages.reporting.github import workflow_commands
from prunepack.stages.reporting.gitlab import to_code_quality
from prunepack.stages.reporting.junit import to_junit
from prunepack.stages.reporting.markdown import to_markdown
from prunepack.stages.reporting.report import make_report, to_json
from prunepack.stages.reporting.settings import GateSettings

SCHEMA = json.loads(
    Path(prunepack.stages.reporting.report.__file__).with_name("report.schema.json").read_bytes()
)
VALID = Draft202012Validator(SCHEMA)

KEYS = ["format", "metrics", "digests", "host", "gate", "limits", "x", "value", "low"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.just(10**400)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner),
    max_leaves=12,
)

TEXT = st.text(max_size=20)
METRIC = st.builds(
    Metric, st.floats(), TEXT, st.none() | st.floats(), st.none() | st.floats(), TEXT
)
NAMES = st.from_regex(r"[a-z_]{1,5}(\.[a-z_*]{1,5}){0,2}", fullmatch=True).map(
    lambda name: name.replace("*", "a")
)
LIMITS = st.builds(
    lambda sense, bound: (sense, bound), st.sampled_from(["<=", ">="]), st.floats(-9, 9)
)


@given(JSON)
@example({"metrics": {}, "gate": {"limits": ["x <= 1"]}})
@example({"metrics": {"x": {"value": 10**400, "unit": "", "low": None, "high": None, "note": ""}}})
def test_whatever_is_read_is_judged_or_refused(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_text(json.dumps(content))
        for read in (read_gate_config, lambda source: judge(GateConfig(skip=("*",)), [source])):
            with suppress(RefusedError):
                read(path)


def test_nesting_without_end_is_refused(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("[" * 100_000)
    with pytest.raises(RefusedError, match="cannot be read as JSON: found maximum recursion"):
        read_gate_config(path)


@given(st.dictionaries(NAMES, st.tuples(METRIC, LIMITS), max_size=6), st.booleans(), TEXT)
def test_whatever_was_measured_every_form_of_the_report_is_whole(rows, lenient, host):
    metrics = {name: metric for name, (metric, _) in rows.items()}
    limits = [Limit(name, *limit) for name, (_, limit) in rows.items()]
    checks = tuple(evaluate_limits(limits, MetricSet(metrics)))
    gate = GateSettings(undecided="pass" if lenient else "fail")
    report = make_report(checks, metrics, {"model.onnx": "a" * 64}, host, gate)
    VALID.validate(json.loads(json.dumps(to_json(report), allow_nan=False)))
    suite = ET.fromstring(to_junit(report))[0]
    bad = [check for check in checks if check.outcome == "failed"]
    unsure = [check for check in checks if check.outcome == "undecided"]
    stopping = len(bad) + (0 if lenient else len(unsure))
    assert suite.get("failures") == str(stopping if checks else 1)
    assert len(to_code_quality(report)) == max(len(bad) + len(unsure), not checks)
    assert (report.exit_code == 0) == (bool(checks) and not stopping)
    lines = list(workflow_commands(report, {}))
    assert len(lines) == len(report.not_passed) + 1
    assert not any("\n" in line or "\r" in line for line in lines)
    table = [line for line in to_markdown(report).splitlines() if line.startswith("| ")]
    assert len(table) >= len(checks) + len(metrics)


def test_what_always_holds_is_judged_on_any_figures():
    metrics = {limit.name: Metric(math.nan) for limit in BUILT_IN_LIMITS}
    checks = evaluate_limits(BUILT_IN_LIMITS, MetricSet(metrics))
    assert {check.outcome for check in checks} == {"failed"}
    assert metrics_to_json(metrics)
