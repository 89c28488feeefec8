"""Limits that say nothing are refused with a remedy; others are not."""

import pytest

from prunepack.stages.metrics.flaws import find_flaws, find_measured_flaw
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric


def flaws(*texts):
    return find_flaws([Limit.parse(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("accuracy.artifact <= 98", "accuracy.artifact >= 98"),
        ("accuracy.drop >= 0.5", "accuracy.drop <= 0.5"),
        ("agreement.torch_onnx <= 99.9", "agreement.torch_onnx >= 99.9"),
        ("size.ratio <= 8.5", "size.ratio >= 8.5"),
        ("size.artifact >= 1.02 x baseline", "size.artifact <= 1.02 x baseline"),
        ("sparsity.layer.* <= 50", "sparsity.layer.* >= 50"),
        ("latency.batch_1.ratio >= 1.1", "latency.batch_1.ratio <= 1.1"),
        ("metric.drop >= 0.1", "metric.drop <= 0.1"),
        ("accuracy.artifact <= dense - 1", "accuracy.artifact >= dense - 1"),
        ("similarity.mean_cosine <= 0.9", "similarity.mean_cosine >= 0.9"),
        ("parity.torch_onnx.nonfinite >= 0", "parity.torch_onnx.nonfinite <= 0"),
    ],
)
def test_the_wrong_sense(text, right):
    (flaw,) = flaws(text)
    assert f"`{text}` limits the better side: " in flaw
    assert flaw.endswith(f"is better. Did you mean `{right}`?")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("accuracy.artifact >= 0.98", "accuracy.artifact >= 98"),
        ("agreement.session >= 0.9999", "agreement.session >= 99.99"),
        ("sparsity.weights >= 0.9", "sparsity.weights >= 90"),
        ("sparsity.layer.* >= 0.5", "sparsity.layer.* >= 50"),
        ("accuracy.onnx >= 1", "accuracy.onnx >= 100"),
        ("parity.torch_onnx.outputs.y.argmax >= 0.99", "parity.torch_onnx.outputs.y.argmax >= 99"),
    ],
)
def test_a_fraction_for_a_percentage(text, right):
    assert flaws(text) == [f"`{text}` has a fraction for a metric in %. Did you mean `{right}`?"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("accuracy.drop <= 500", "is met by any model: the metric is between -100 and 100 points"),
        ("accuracy.drop <= 100", "is met by any model: the metric is between -100 and 100 points"),
        ("accuracy.drop <= 60", "is met by any model: a model that guesses between two classes"),
        ("accuracy.artifact >= 0", "is met by any model: the metric is between 0 and 100 %"),
        ("sparsity.weights >= -5", "is met by any model: the metric is between 0 and 100 %"),
        ("accuracy.samples >= 0", "is met by any model: the metric is 0 or more"),
        ("latency.batch_1.verdict <= 1", "is met by any model: the metric is between -1 and 1"),
        ("similarity.cosine >= -1", "is met by any model: the metric is between -1 and 1"),
        ("accuracy.artifact >= 101", "cannot be met: the metric is between 0 and 100 %"),
        ("similarity.mean_cosine >= 95", "cannot be met: the metric is between -1 and 1"),
        ("size.artifact <= -1", "cannot be met: the metric is 0 or more"),
        ("latency.batch_1.ratio <= 110", "allows a factor of 110. Write 1.02 for 102 %"),
        ("memory.ratio <= 120", "allows a factor of 120. Write 1.02 for 102 %"),
        ("size.ratio >= 0.01", "allows a factor of 0.01. Write 1.02 for 102 %"),
    ],
)
def test_a_threshold_that_says_nothing(text, reason):
    (flaw,) = flaws(text)
    assert flaw.startswith(f"`{text}` {reason}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("accuracy.artifact >= accuracy.artifact", "compares a metric with itself"),
        ("size.artifact <= 1.02 x size.artifact", "compares a metric with itself"),
        ("accuracy.dense >= dense", "compares a metric with itself"),
        ("accuracy.artifact >= 0 x dense", "has a factor that is not positive"),
        ("accuracy.artifact >= -1 x baseline", "has a factor that is not positive"),
        ("accuracy.artifact >= baseline - 100", "is met by any model"),
        ("accuracy.drop <= baseline + 500", "is met by any model"),
        ("size.artifact <= 102 x baseline", "allows a factor of 102. Write 1.02 for 102 %"),
        ("accuracy.artifact >= 0.01 x dense", "allows a factor of 0.01. Write 1.02 for 102 %"),
    ],
)
def test_a_relative_limit_that_says_nothing(text, reason):
    (flaw,) = flaws(text)
    assert flaw.startswith(f"`{text}` {reason}")


@pytest.mark.parametrize(
    "text",
    [
        "accuracy.artifact >= 98",
        "accuracy.artifact >= 100",
        "accuracy.artifact >= 0.98 x dense",
        "accuracy.artifact >= baseline - 0.2",
        "accuracy.artifact >= dense - 2",
        "accuracy.drop <= 0",
        "accuracy.drop <= 0.005",
        "accuracy.drop <= -1",
        "accuracy.lost <= 0.01 x accuracy.samples",
        "accuracy.mcnemar >= 0.05",
        "agreement.torch_onnx >= 99.99",
        "forms.artifact >= 1",
        "graph.opset <= 21",
        "graph.opset >= 17",
        "graph.operator.Conv <= 0",
        "latency.batch_1.ratio <= 5",
        "latency.batch_32.verdict <= 0",
        "latency.batch_1.dense <= 3",
        "latency.batch_1.pruned_throughput >= 100",
        "metric.artifact >= 0.9",
        "metric.artifact <= 0.9",
        "metric.drop <= 0.01",
        "memory.ratio <= 1.2",
        "parity.torch_onnx.tolerance <= 1e-4",
        "parity.torch_onnx.outputs.y.sqnr_db >= 40",
        "size.artifact <= 0.12 x size.dense_onnx",
        "size.artifact <= 1.02 x baseline",
        "size.dense_onnx >= 1000",
        "size.ratio >= 1",
        "size.ratio_zstd19 >= 0.5",
        "sparsity.layer.* >= baseline",
        "sparsity.* >= 50",
        "no.such.metric <= 0.5",
    ],
)
def test_honest_limits(text):
    assert flaws(text) == []


def test_a_band_has_both_sides():
    assert flaws("sparsity.weights >= 80", "sparsity.weights <= 95") == []
    assert len(flaws("sparsity.weights >= 80", "sparsity.amount <= 95")) == 1


METRICS = {
    "accuracy.artifact": Metric(99, "%"),
    "accuracy.drop": Metric(0.5, "points"),
    "metric.artifact": Metric(99, "%"),
    "size.artifact": Metric(9, "bytes"),
    "size.ratio": Metric(9, "×"),
}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("accuracy.* >= 0.9", "has a fraction"),
        ("metric.artifact >= 0.9", "has a fraction"),
        ("accuracy.d* >= 0.5", "limits the better side of every metric that it matches"),
        ("accuracy.d* <= 500", "is met by any model"),
        ("size.a* >= 5", "limits the better side of every metric that it matches"),
    ],
)
def test_flaws_that_only_measured_metrics_show(text, reason):
    assert reason in find_measured_flaw(Limit.parse(text), METRICS)


@pytest.mark.parametrize("text", ["size.* >= 1", "accuracy.* >= 90", "nothing.* <= 1"])
def test_honest_globs(text):
    assert find_measured_flaw(Limit.parse(text), METRICS) is None
