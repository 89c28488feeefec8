"""The gate judges what verify and measure wrote, and refuses what it cannot trust."""

import json

import pytest

from prunepack.errors import RefusedError, UsageError
from stages.gate import GateConfig, judge, limits_in, read_figures
from stages.metrics import Metric, metrics_to_json, write_json
from stages.report import write_report

FIGURES = {"size.ratio": Metric(9.0, "×"), "size.artifact": Metric(10, "bytes")}
ONLY = {"skip": ("parity.*", "runtime.*", "latency.*")}


@pytest.fixture
def figures(tmp_path):
    """Write a file of figures."""

    def write(name="measurements.json", metrics=FIGURES, digest="a" * 64, **more):
        content = {"digests": {"model.onnx": digest}, "metrics": metrics_to_json(metrics), **more}
        write_json(tmp_path / name, content)
        return tmp_path / name

    return write


def refusal(action, *arguments, kind=RefusedError):
    with pytest.raises(kind) as caught:
        action(*arguments)
    return str(caught.value)


def test_every_limit_is_held_against_its_figure(figures):
    report = judge(
        GateConfig(limits=("size.ratio >= 8.5", "size.artifact <= 9"), **ONLY), [figures()]
    )
    assert [check.passed for check in report.checks] == [True, False]
    assert report.exit_code == 1


def test_no_limit_at_all_is_not_a_pass(figures):
    assert judge(GateConfig(skip=("*",)), [figures()]).exit_code == 5


def test_parity_is_judged_without_being_asked(figures):
    said = refusal(judge, GateConfig(), [figures()], kind=UsageError)
    assert "parity.torch_onnx.samples >= 1" in said
    assert "was not measured" in said


def test_figures_of_several_files_are_judged_together(figures):
    other = figures("parity.json", {"accuracy.drop": Metric(0.1, "points")})
    config = GateConfig(limits=("accuracy.drop <= 0.5", "size.ratio >= 8.5"), **ONLY)
    assert judge(config, [other, figures(host="here")]).host == "here"


def test_figures_of_two_models_are_refused(figures):
    other = figures("parity.json", digest="b" * 64)
    said = refusal(judge, GateConfig(**ONLY), [figures(), other])
    assert "parity.json is of another model than" in said
    assert f"expected model.onnx {'a' * 12}…, found {'b' * 12}…" in said
    assert "Verify and measure the same artifact." in said


def test_a_report_carries_its_limits(figures, tmp_path):
    report = judge(GateConfig(limits=("size.ratio >= 8.5",), **ONLY), [figures()])
    write_report(report, tmp_path)
    assert limits_in(tmp_path / "report.json") == ["size.ratio >= 8.5"]
    assert limits_in(figures()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as JSON"),
        ('{"metrics": {"a": ', "cannot be read as JSON"),
        ("[]", "expected a JSON object, found list"),
        ("{}", "holds no metrics"),
        ('{"metrics": {"a": {"value": null}}}', "holds no metrics"),
        ('{"metrics": {"a": 3}}', "holds no metrics"),
        ('{"format": 99, "metrics": {}}', "expected report format 1, found 99"),
    ],
)
def test_what_is_no_file_of_figures_is_refused(tmp_path, text, message):
    path = tmp_path / "report.json"
    path.write_text(text)
    said = refusal(read_figures, path)
    assert message in said
    assert "report.json" in said


def test_a_report_whose_checks_are_damaged_is_refused(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"metrics": {}, "checks": [{"name": "x"}]}))
    assert "is no report" in refusal(limits_in, path)
