"""The gate judges what verify and measure wrote, and refuses what it cannot trust."""

import json
import math

import pytest
from pydantic import ValidationError

from prunepack.errors import RefusedError, UsageError
from stages.artifacts import Measurements, Parity, Verdict
from stages.gate import GateConfig, gate, judge, limits_in, read_figures
from stages.limits import ALWAYS, Limit
from stages.metrics import Metric, metrics_to_json, write_json

GOOD = {limit.name: Metric(limit.bound) for limit in map(Limit.parse, ALWAYS)}
PARITY = {name: one for name, one in GOOD.items() if not name.startswith("latency")}
MEASURED = {"latency.provider_mismatches": Metric(0), "size.ratio": Metric(9.0, "×")}
DIGESTS = {"model.onnx": "a" * 64, "model.prunepack": "b" * 64}


@pytest.fixture
def figures(tmp_path):
    """Writes what verify and measure would; returns their artifacts."""

    def figures(parity=PARITY, measured=MEASURED, others=DIGESTS):
        content = {"digests": DIGESTS, "metrics": metrics_to_json(parity)}
        write_json(tmp_path / "parity.json", content)
        content = {"digests": others, "metrics": metrics_to_json(measured)}
        write_json(tmp_path / "measurements.json", content | {"host": "a machine, 2 cores"})
        return Parity(tmp_path, ""), Measurements(tmp_path, "")

    return figures


def test_a_release_that_passes(run, figures):
    verdict = run(gate, GateConfig(limits=("size.ratio >= 8.5",)), *figures())
    assert isinstance(verdict, Verdict)
    assert run.facts == {"summary": "passed: 12 of 12 checks", "exit_code": 0}
    content = verdict.content
    assert content["verdict"] == "passed"
    assert content["host"] == "a machine, 2 cores"
    assert content["digests"] == DIGESTS
    assert set(content["metrics"]) == GOOD.keys() | MEASURED.keys()


def test_a_release_that_fails(run, figures):
    broken = PARITY | {"parity.torch_onnx.tolerance": Metric(math.nan)}
    run(gate, GateConfig(limits=("size.ratio >= 9.5",)), *figures(broken))
    assert run.facts == {
        "summary": "failed: 2 of 12 checks, parity.torch_onnx.tolerance, size.ratio",
        "exit_code": 1,
    }


@pytest.mark.parametrize("limit", [Limit.parse(text) for text in ALWAYS], ids=str)
def test_each_limit_that_always_holds_can_fail(run, figures, limit):
    step = 1 if limit.sense == "<=" else -1
    wrong = {limit.name: Metric(limit.bound + step)}
    parity, measured = (each | wrong if limit.name in each else each for each in (PARITY, MEASURED))
    run(gate, GateConfig(), *figures(parity, measured))
    assert run.facts == {"summary": f"failed: 1 of 11 checks, {limit.name}", "exit_code": 1}


def test_nothing_checked_is_not_a_pass(run, figures):
    verdict = run(gate, GateConfig(skip=("*",)), *figures())
    assert run.facts == {"summary": "nothing was checked: 0 of 0 checks", "exit_code": 5}
    assert verdict.content["exit_code"] == 5


def test_parity_is_judged_without_being_asked(figures, says):
    _, measured = figures()
    with says(
        UsageError,
        "the limit 'parity.torch_onnx.samples >= 1' is on a figure that was not measured. "
        "Known: latency.provider_mismatches, size.ratio.",
    ):
        judge(GateConfig(), [measured.path / "measurements.json"])


def test_a_limit_on_what_was_not_measured(run, figures, says):
    with says(
        UsageError,
        "the limit 'size.ration >= 8' is on a figure that was not measured. "
        "Did you mean 'size.ratio'?",
    ):
        run(gate, GateConfig(limits=("size.ration >= 8",)), *figures())


def test_a_limit_of_another_form():
    with pytest.raises(ValidationError, match="is not a limit: expected NAME <= NUMBER"):
        GateConfig(limits=("size.ratio > 8",))


def test_figures_of_two_models_are_refused(run, figures, tmp_path, says):
    other = DIGESTS | {"model.prunepack": "c" * 64}
    with says(
        RefusedError,
        f"{tmp_path}/measurements.json is of another model than {tmp_path}/parity.json: expected "
        "model.prunepack bbbbbbbbbbbb…, found cccccccccccc…. Verify and measure the same artifact.",
    ):
        run(gate, GateConfig(), *figures(others=other))


def test_a_report_carries_its_limits_and_can_be_judged_again(run, figures):
    verdict = run(gate, GateConfig(limits=("size.ratio >= 8.5",), skip=("parity.*",)), *figures())
    path = verdict.path / "report.json"
    assert limits_in(path) == [
        "runtime.provider_mismatches <= 0",
        "latency.provider_mismatches <= 0",
        "size.ratio >= 8.5",
    ]
    report = judge(GateConfig(limits=("size.ratio >= 9.5",)), [path])
    assert report.verdict == "failed"
    assert report.host == "a machine, 2 cores"


def test_figures_carry_no_limits(figures):
    parity, _ = figures()
    assert limits_in(parity.path / "parity.json") == []


@pytest.fixture
def file(tmp_path):
    def file(content):
        path = tmp_path / "report.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return file


def test_a_report_of_a_later_format(file, says):
    path = file({"format": 2, "metrics": {}})
    with says(RefusedError, f"{path}: expected report format 1, found 2"):
        read_figures(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"metrics": {', "Expecting property name enclosed in double quotes"),
        ("", "Expecting value"),
        ("\x00", "Expecting value"),
    ],
)
def test_truncated_json(file, content, found):
    path = file(content)
    with pytest.raises(RefusedError) as caught:
        read_figures(path)
    assert str(caught.value).startswith(f"{path} cannot be read as JSON: found {found}")


def test_a_file_that_is_not_there(tmp_path, says):
    path = tmp_path / "no.json"
    reason = f"[Errno 2] No such file or directory: '{path}'"
    with says(RefusedError, f"{path} cannot be read as JSON: found {reason}"):
        read_figures(path)


def test_json_that_is_no_object(file, says):
    path = file([1])
    with says(RefusedError, f"{path}: expected a JSON object, found list"):
        read_figures(path)


def test_json_without_figures(file, says):
    path = file({"results": []})
    with says(
        RefusedError,
        f"{path} holds no metrics: expected the output of verify, measure or gate, "
        "found AttributeError: 'NoneType' object has no attribute 'items'",
    ):
        read_figures(path)


@pytest.mark.parametrize("digests", [["a"], {"model.onnx": 7}, "a"])
def test_digests_of_another_form(file, digests, says):
    path = file({"metrics": {}, "digests": digests})
    expected = f"expected a SHA-256 for each file, found {digests!r}"
    with says(RefusedError, f"{path}: digests: {expected}"):
        read_figures(path)


@pytest.mark.parametrize(
    ("checks", "found"),
    [([{}], "'limit'"), (7, "'int' object is not iterable"), ([3], "'int' object is not")],
)
def test_checks_of_another_form(file, checks, found):
    path = file({"metrics": {}, "checks": checks})
    with pytest.raises(RefusedError) as caught:
        limits_in(path)
    assert str(caught.value).startswith(f"{path} is no report: found {found}")
