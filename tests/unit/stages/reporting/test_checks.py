"""Checks: globs, relative limits, and one error for all limits without a metric."""

import math

import pytest

from prunepack.errors import UsageError
from prunepack.stages.metrics.files import MetricSet
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.checks import evaluate_limits

HERE, THERE = "a machine, 2 cores", "another, 64 cores"
METRICS = {
    "size.artifact": Metric(110, "bytes"),
    "size.dense_onnx": Metric(1000, "bytes"),
    "sparsity.layer.fc1": Metric(90, "%"),
    "sparsity.layer.fc2": Metric(70, "%"),
    "accuracy.artifact": Metric(98, "%", low=97, high=99),
    "accuracy.dense": Metric(99, "%"),
    "accuracy.samples": Metric(500, "samples"),
    "latency.batch_1.pruned": Metric(2, "ms"),
    "latency.batch_1.ratio": Metric(1.1, "×"),
    "broken": Metric(math.nan),
}
MEASURED = MetricSet(METRICS, host=HERE)
OLD = MetricSet({name: Metric(one.value, one.unit) for name, one in METRICS.items()}, host=THERE)


def checks(*texts, baseline=None, skip=()):
    return evaluate_limits(map(Limit.parse, texts), MEASURED, baseline, skip)


def outcomes(*texts, **settings):
    return {check.limit.name: check.outcome for check in checks(*texts, **settings)}


def test_each_limit_is_held_against_its_figure():
    found = outcomes("size.artifact <= 100", "size.dense_onnx >= 1000")
    assert found == {"size.artifact": "failed", "size.dense_onnx": "passed"}


def test_a_glob_is_held_against_every_figure_that_matches():
    assert outcomes("sparsity.layer.* >= 80") == {
        "sparsity.layer.fc1": "passed",
        "sparsity.layer.fc2": "failed",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_a_limit_on_one_figure_counts_more_than_a_glob(order):
    texts = ("sparsity.layer.* >= 80", "sparsity.layer.fc2 >= 60")[::order]
    assert outcomes(*texts)["sparsity.layer.fc2"] == "passed"


def test_a_later_glob_counts_more_than_an_earlier_one():
    found = outcomes("sparsity.* >= 99", "sparsity.layer.* >= 60")
    assert found == {"sparsity.layer.fc1": "passed", "sparsity.layer.fc2": "passed"}


@pytest.mark.parametrize("skip", ["sparsity.*", "sparsity.layer.fc2"])
def test_what_is_skipped_is_not_judged(skip):
    found = outcomes("sparsity.layer.* >= 80", "size.artifact <= 200", skip=[skip])
    assert "sparsity.layer.fc2" not in found
    assert found["size.artifact"] == "passed"


def test_a_figure_that_is_skipped_need_not_have_been_measured():
    assert checks("nothing.* <= 1", "parity.x <= 0", skip=["nothing.*", "parity.*"]) == []


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("size.artifact <= 0.12 x dense", 120),
        ("size.artifact <= 0.12 x size.dense_onnx", 120),
        ("size.artifact <= dense - 900", 100),
        ("accuracy.artifact >= dense - 2", 97),
        ("size.artifact <= 1.02 x baseline", 112.2),
        ("size.artifact <= baseline + 1", 111),
        ("latency.batch_1.ratio <= 1.1 x baseline", 1.21),
    ],
)
def test_a_bound_can_be_relative(text, bound):
    (check,) = checks(text, baseline=OLD)
    assert check.threshold == pytest.approx(bound)
    assert str(check.limit) == text


def test_a_glob_can_be_relative_to_each_figure_of_the_baseline():
    baseline = MetricSet({"sparsity.layer.fc1": Metric(90), "sparsity.layer.fc2": Metric(71)})
    assert outcomes("sparsity.layer.* >= baseline", baseline=baseline) == {
        "sparsity.layer.fc1": "passed",
        "sparsity.layer.fc2": "failed",
    }


def test_a_check_knows_how_many_samples_its_group_has():
    found = {check.limit.name: check.samples for check in checks("a* >= 2", "size.* >= 1")}
    assert found["accuracy.artifact"] == 500
    assert found["size.artifact"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "size.artefact <= 8",
            "the limit `size.artefact <= 8` is on a metric that was not measured. "
            "Did you mean `size.artifact`?",
        ),
        (
            "zzz.* >= 8",
            "the limit `zzz.* >= 8` matches no metric. Choose among: accuracy.artifact, "
            "accuracy.dense, accuracy.samples, broken, latency.batch_1.pruned, "
            "latency.batch_1.ratio, size.artifact, size.dense_onnx, sparsity.layer.fc1, "
            "sparsity.layer.fc2",
        ),
        (
            "size.artifact <= 2 x size.densonnx",
            "the limit `size.artifact <= 2.0 x size.densonnx` refers to a metric that was not "
            "measured: expected size.densonnx. Did you mean `size.dense_onnx`?",
        ),
        (
            "sparsity.layer.fc1 <= 2 x dense",
            "the limit `sparsity.layer.fc1 <= 2 x dense` refers to a metric that was not "
            "measured: expected sparsity.layer.dense or sparsity.layer.dense_onnx. Did you mean "
            "`sparsity.layer.fc2`?",
        ),
        (
            "accuracy.artifact >= baseline",
            "the limit `accuracy.artifact >= baseline` needs a baseline. Name a report or an "
            "artifact with --baseline or in gate.baseline",
        ),
    ],
)
def test_a_limit_without_a_figure_is_told(text, message, says):
    with says(UsageError, message.replace("2.0", "2")):
        checks(text)


def test_many_figures_are_told_by_their_groups(says):
    many = MetricSet({f"{group}.{i}": Metric(1) for group in "ab" for i in range(20)})
    with says(
        UsageError,
        "the limit `zzz <= 1` is on a metric that was not measured. Choose among the groups a, b",
    ):
        evaluate_limits([Limit.parse("zzz <= 1")], many)


def test_every_problem_is_told_at_once(says):
    with says(
        UsageError,
        "2 limits cannot be evaluated:\n"
        "  the limit `size.artefact <= 8` is on a metric that was not measured. "
        "Did you mean `size.artifact`?\n"
        "  the limit `size.artifact <= baseline` needs a baseline. Name a report or an artifact "
        "with --baseline or in gate.baseline",
    ):
        checks("size.artefact <= 8", "size.dense_onnx >= 1", "size.artifact <= baseline")


def test_the_baseline_may_lack_a_figure(says):
    with says(
        UsageError,
        "the limit `size.artifact <= baseline` is on a metric that the baseline does not have. "
        "Did you mean `size.artefact`?",
    ):
        checks("size.artifact <= baseline", baseline=MetricSet({"size.artefact": Metric(1)}))


def test_nothing_is_relative_to_nan(says):
    with says(
        UsageError,
        "the reference of the limit `broken <= baseline` is not a number: "
        "expected baseline to be finite, found nan",
    ):
        checks("broken <= baseline", baseline=OLD)


def test_times_of_two_machines_are_not_compared(says):
    with says(
        UsageError,
        "the limit `latency.batch_1.pruned <= baseline` compares two machines: expected a baseline "
        f"measured on {HERE}, found {THERE}. Limit the ratio instead, or measure the baseline "
        "here",
    ):
        checks("latency.batch_1.pruned <= baseline", baseline=OLD)
    same = MetricSet(OLD.metrics, host=HERE)
    assert outcomes("latency.batch_1.pruned <= baseline", baseline=same) == {
        "latency.batch_1.pruned": "passed"
    }
