"""The gate judges what verify and measure wrote, and refuses what it cannot trust."""

import json
import math

import pytest
from pydantic import ValidationError

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.outputs import Measurements, ParityResult, Verdict
from prunepack.stages.gate import GateConfig, gate, judge, read_gate_config
from prunepack.stages.metrics.files import collect_metrics, find_metrics_file, read_metrics
from prunepack.stages.metrics.measurability import BY_FRESH_EXPORT
from prunepack.stages.metrics.metric import Metric, metrics_to_json, write_json
from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS

GOOD = {limit.name: Metric(limit.constant) for limit in BUILT_IN_LIMITS}
GOOD["forms.sparse"] = Metric(1)
GRAPH = {"graph.nodes": Metric(3), "graph.operator.Conv": Metric(3), "graph.opset": Metric(20)}
PARITY = {name: one for name, one in GOOD.items() if not name.startswith(("latency.", "graph."))}
MEASURED = {"latency.provider_mismatches": Metric(0), "size.ratio": Metric(9.0, "×")} | GRAPH
CHECKS = len(BUILT_IN_LIMITS)
DIGESTS = {"model.onnx": "a" * 64, "model.prunepack": "b" * 64}


@pytest.fixture
def figures(tmp_path):
    """Writes what verify and measure would; returns their artifacts."""

    def figures(parity=PARITY, measured=MEASURED, others=DIGESTS):
        content = {"digests": DIGESTS, "metrics": metrics_to_json(parity)}
        write_json(tmp_path / "parity.json", content)
        content = {"digests": others, "metrics": metrics_to_json(measured)}
        write_json(tmp_path / "measurements.json", content | {"host": "a machine, 2 cores"})
        return ParityResult(tmp_path, ""), Measurements(tmp_path, "")

    return figures


def test_a_release_that_passes(run, figures):
    verdict = run(gate, GateConfig(limits=("size.ratio >= 8.5",)), *figures())
    assert isinstance(verdict, Verdict)
    assert run.facts == {"summary": f"passed: {CHECKS + 1} of {CHECKS + 1} checks", "exit_code": 0}
    content = verdict.content
    assert content["verdict"] == "passed"
    assert content["host"] == "a machine, 2 cores"
    assert content["digests"] == DIGESTS
    assert set(content["metrics"]) == GOOD.keys() | MEASURED.keys() | {"graph.refused_operators"}


def test_details_come_from_the_measurement_and_stay(run, figures):
    parity, measured = figures()
    layer = {"name": "fc", "shape": [2, 3], "weights": 6, "zeros": 1, "bytes": None}
    details = {"date": "2026-11-26T12:00:00Z", "layers": [layer | {"histogram": None, "mask": []}]}
    add_details(measured.file, details)
    once = run(gate, GateConfig(), parity, measured)
    assert once.content["details"]["layers"] == [layer | {"histogram": None, "mask": []}]
    again = run(gate, GateConfig(), once)
    assert again.content == once.content
    for name in ("report.html", "plots.json"):
        assert (again.path / name).read_bytes() == (once.path / name).read_bytes()
    assert '<th scope="row">fc</th>' in (again.path / "report.html").read_text("utf-8")


def add_details(file, details):
    content = json.loads(file.read_bytes())
    write_json(file, content | {"details": details})


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({"colour": "red"}, "details.colour: Extra inputs are not permitted"),
        ([], "details: Input should be a valid dictionary or instance of Details"),
        ({"layers": [{"name": "fc"}]}, "details.layers.0.shape: Field required"),
        (
            {"rounds": [{"sparsity": 101, "before": 1, "after": 1, "unit": "%"}]},
            "details.rounds.0.sparsity: Input should be less than or equal to 100",
        ),
    ],
)
def test_malformed_details_are_refused(figures, details, found):
    parity, measured = figures()
    add_details(measured.file, details)
    with pytest.raises(RefusedError) as error:
        judge(GateConfig(), [parity.file, measured.file])
    assert str(error.value) == (
        "the details of the layers and rounds are malformed: expected the output of verify, "
        f"measure or gate, found {found}. Measure again"
    )


def test_a_release_that_fails(run, figures):
    broken = PARITY | {"parity.torch_onnx.beyond_tolerance": Metric(math.nan)}
    run(gate, GateConfig(limits=("size.ratio >= 9.5",)), *figures(broken))
    assert run.facts == {
        "summary": f"failed: 2 of {CHECKS + 1} checks, parity.torch_onnx.beyond_tolerance, "
        "size.ratio",
        "exit_code": 1,
    }


@pytest.mark.parametrize("limit", BUILT_IN_LIMITS, ids=str)
def test_each_limit_that_always_holds_can_fail(run, figures, limit):
    step = 1 if limit.sense == "<=" else -1
    wrong = {limit.name: Metric(limit.constant + step)}
    if limit.name == "graph.refused_domains":
        wrong = {"graph.domain.mine": Metric(1)}
    if limit.name == "graph.refused_random_operators":
        wrong = {"graph.random_operator.Bernoulli": Metric(1)}
    parity = PARITY | wrong if limit.name in PARITY else PARITY
    measured = MEASURED if limit.name in PARITY else MEASURED | wrong
    run(gate, GateConfig(), *figures(parity, measured))
    expected = f"failed: 1 of {CHECKS} checks, {limit.name}"
    assert run.facts == {"summary": expected, "exit_code": 1}


def test_nothing_checked_is_not_a_pass(run, figures):
    verdict = run(gate, GateConfig(skip=("*",)), *figures())
    assert run.facts == {"summary": "nothing was checked: 0 of 0 checks", "exit_code": 5}
    assert verdict.content["exit_code"] == 5


@pytest.mark.parametrize("link", ["torch_onnx", "weights", "session"])
def test_parity_is_judged_without_being_asked(figures, link):
    _, measured = figures()
    with pytest.raises(UsageError) as caught:
        judge(GateConfig(), [measured.path / "measurements.json"])
    assert f"the limit `parity.{link}." in str(caught.value)


def test_a_graph_that_nobody_looked_at_is_no_pass(run, figures, says):
    measured = {name: one for name, one in MEASURED.items() if name not in GRAPH}
    with pytest.raises(UsageError, match=r"`graph\.refused_domains <= 0` is on a metric that was"):
        run(gate, GateConfig(), *figures(measured=measured))


def test_too_few_samples_are_no_pass_unless_that_is_said(run, figures):
    drop = {"accuracy.drop": Metric(0.3, "points", 0.1, 0.5), "accuracy.samples": Metric(900)}
    limits = ("accuracy.drop <= 0.4",)
    run(gate, GateConfig(limits=limits), *figures(PARITY | drop))
    assert run.facts == {
        "summary": f"undecided: 1 of {CHECKS} checks, accuracy.drop",
        "exit_code": 1,
    }
    verdict = run(gate, GateConfig(limits=limits, undecided="pass"), *figures(PARITY | drop))
    summary = f"passed: {CHECKS - 1} of {CHECKS} checks; undecided: 1, accuracy.drop"
    assert run.facts == {"summary": summary, "exit_code": 0}
    (check,) = [one for one in verdict.content["checks"] if one["name"] == "accuracy.drop"]
    assert (check["outcome"], check["passed"]) == ("undecided", True)


@pytest.mark.parametrize(
    ("settings", "failed"),
    [
        ({}, ["graph.refused_domains"]),
        ({"domains": ("mine",)}, []),
        ({"domains": ("mine",), "operators": ("Conv",)}, ["graph.refused_operators"]),
        ({"domains": ("mine",), "operators": ("Conv", "mine.*")}, []),
        ({"domains": ("mine",), "limits": ("graph.opset <= 19",)}, ["graph.opset"]),
    ],
)
def test_operators_and_domains_are_allowed_by_name(figures, settings, failed):
    graph = {"graph.domain.mine": Metric(1), "graph.operator.mine.Secret": Metric(1)}
    parity, measured = figures(measured=MEASURED | graph)
    sources = [parity.path / "parity.json", measured.path / "measurements.json"]
    report = judge(GateConfig(**settings), sources)
    assert [check.name for check in report.not_passed] == failed


@pytest.mark.parametrize(("allowed", "refused"), [((), 2), (("Random*",), 1), (("*",), 0)])
def test_random_operators_are_allowed_by_name(figures, allowed, refused):
    names = ("RandomNormal", "Bernoulli")
    graph = {f"graph.random_operator.{name}": Metric(1) for name in names}
    parity, measured = figures(measured=MEASURED | graph)
    sources = [parity.path / "parity.json", measured.path / "measurements.json"]
    report = judge(GateConfig(random_operators=allowed), sources)
    (check,) = [c for c in report.checks if c.name == "graph.refused_random_operators"]
    assert check.metric.value == refused
    assert (report.exit_code == 0) == (refused == 0)


@pytest.mark.parametrize("count", [0, 5])
def test_nodes_are_judged_only_with_a_fresh_export(figures, count):
    without = {n: m for n, m in PARITY.items() if n not in BY_FRESH_EXPORT}
    parity, measured = figures(without | {"parity.graph.compared": Metric(count)})
    sources = [parity.path / "parity.json", measured.path / "measurements.json"]
    if count:
        with pytest.raises(UsageError, match=r"parity\.graph\.unexplained_nodes <= 0"):
            judge(GateConfig(), sources)
    else:
        assert judge(GateConfig(), sources).exit_code == 0


def test_a_baseline_is_named_in_the_report(run, figures, tmp_path):
    old = tmp_path / "old.json"
    write_json(
        old, {"digests": {"model.prunepack": "d" * 64}, "metrics": metrics_to_json(MEASURED)}
    )
    config = GateConfig(limits=("size.ratio >= 0.98 x baseline",), baseline=old)
    content = run(gate, config, *figures()).content
    assert content["verdict"] == "passed"
    assert content["baseline"] == {"model.prunepack": "d" * 64}
    assert content["checks"][-1]["threshold"] == pytest.approx(8.82)
    assert str(tmp_path) not in json.dumps(content)


def test_a_limit_on_what_was_not_measured(run, figures, says):
    with says(
        UsageError,
        "the limit `size.ration >= 8` is on a metric that was not measured. "
        "Did you mean `size.ratio`?",
    ):
        run(gate, GateConfig(limits=("size.ration >= 8",)), *figures())


def test_a_limit_of_another_form():
    with pytest.raises(ValidationError, match="is not a limit: expected NAME <= NUMBER"):
        GateConfig(limits=("size.ratio > 8",))


def test_figures_of_two_models_are_refused(run, figures, tmp_path, says):
    other = DIGESTS | {"model.prunepack": "c" * 64}
    with says(
        RefusedError,
        f"`{tmp_path}/measurements.json` is of another model than `{tmp_path}/parity.json`: "
        "expected model.prunepack bbbbbbbbbbbb…, found cccccccccccc…. "
        "Verify and measure the same artifact",
    ):
        run(gate, GateConfig(), *figures(others=other))


def test_a_report_is_held_to_its_limits_again_and_not_let_off_again(run, figures):
    config = GateConfig(
        limits=("size.ratio >= 8.5", "graph.op* >= 1"),
        operators=("Conv",),
        skip=("parity.*",),
        undecided="pass",
        domains=("mine",),
    )
    path = run(gate, config, *figures()).path / "report.json"
    assert read_gate_config(path) == GateConfig(limits=config.limits, operators=config.operators)
    report = judge(GateConfig(limits=("size.ratio >= 9.5",)), [path])
    assert report.verdict == "failed"
    assert report.host == "a machine, 2 cores"
    assert report.digests == DIGESTS


def test_figures_were_held_to_nothing(figures):
    parity, _ = figures()
    assert read_gate_config(parity.path / "parity.json") == GateConfig()


def test_figures_are_found_in_the_folders_that_hold_them(figures, tmp_path):
    _, measured = figures()
    assert find_metrics_file(measured.path) == tmp_path / "parity.json"
    assert find_metrics_file(tmp_path / "parity.json") == tmp_path / "parity.json"
    assert find_metrics_file(tmp_path / "none") == tmp_path / "none"


def test_figures_are_gathered(figures, tmp_path):
    figures()
    found = collect_metrics([tmp_path / "parity.json", tmp_path / "measurements.json"])
    assert found.metrics == PARITY | MEASURED
    assert (found.digests, found.host) == (DIGESTS, "a machine, 2 cores")
    assert found.content["host"] == "a machine, 2 cores"


@pytest.fixture
def file(tmp_path):
    def file(content):
        path = tmp_path / "report.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return file


def test_a_report_of_a_later_format(file, says):
    path = file({"format": 3, "metrics": {}})
    with says(
        RefusedError,
        f"`{path}` has an unknown format: expected report format 2, found 3. "
        "Run the stages again with this version of prunepack",
    ):
        read_metrics(path)


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
        read_metrics(path)
    assert str(caught.value).startswith(f"`{path}` cannot be read as JSON: found {found}")


def test_a_file_that_is_not_there(tmp_path, says):
    path = tmp_path / "no.json"
    reason = f"[Errno 2] No such file or directory: '{path}'"
    with says(RefusedError, f"`{path}` cannot be read as JSON: found {reason}"):
        read_metrics(path)


def test_json_that_is_no_object(file, says):
    path = file([1])
    with says(RefusedError, f"`{path}` holds another JSON value: expected an object, found list"):
        read_metrics(path)


def test_json_without_figures(file, says):
    path = file({"results": []})
    with says(
        RefusedError,
        f"`{path}` holds no metrics: expected the output of verify, measure or gate, "
        "found AttributeError: 'NoneType' object has no attribute 'items'",
    ):
        read_metrics(path)


@pytest.mark.parametrize("digests", [["a"], {"model.onnx": 7}, "a"])
def test_digests_of_another_form(file, digests, says):
    path = file({"metrics": {}, "digests": digests})
    expected = f"expected a SHA-256 for each file, found {digests!r}"
    with says(RefusedError, f"the digests in `{path}` are malformed: {expected}"):
        read_metrics(path)


def test_text_that_is_none(file, says):
    path = file('{"metrics": {}, "host": "\\ud800"}')
    with says(
        RefusedError,
        f"`{path}` holds malformed text: expected Unicode text, found surrogates not allowed",
    ):
        read_metrics(path)


def test_a_host_of_another_form(file, says):
    path = file({"metrics": {}, "host": 7})
    with says(RefusedError, f"the host in `{path}` is malformed: expected text, found 7"):
        read_metrics(path)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (7, "argument of type 'int' is not iterable"),
        ({"limits": 7}, "1 validation error for GateConfig"),
        ({"limits": ["size.ratio > 3"]}, "1 validation error for GateConfig"),
        ({"operators": [3]}, "1 validation error for GateConfig"),
    ],
)
def test_settings_of_another_form(file, settings, found, says):
    path = file({"metrics": {}, "gate": settings})
    expected = "expected a table with limits and operators"
    with says(
        RefusedError, f"the gate's settings in `{path}` are malformed: {expected}, found {found}"
    ):
        read_gate_config(path)
