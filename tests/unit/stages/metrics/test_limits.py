"""Limits: their syntax and their evaluation. NaN never passes."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from prunepack.stages.metrics.limits import Check, Limit, matches
from prunepack.stages.metrics.metric import Metric

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("size.ratio >= 8.5", Limit("size.ratio", ">=", 8.5)),
        ("  accuracy.drop<=0.5 ", Limit("accuracy.drop", "<=", 0.5)),
        ("parity.torch_onnx.tolerance <= 1e-4", Limit("parity.torch_onnx.tolerance", "<=", 1e-4)),
        ("accuracy.drop >= -2", Limit("accuracy.drop", ">=", -2)),
        ("x <= .5E+1", Limit("x", "<=", 5)),
        ("size.onnx <= 24348951", Limit("size.onnx", "<=", 24348951)),
        ("sparsity.layer.* >= 80", Limit("sparsity.layer.*", ">=", 80)),
        ("size.artifact <= 1.02 x baseline", Limit("size.artifact", "<=", 0, "baseline", 1.02)),
        ("size.artifact<=1.02×baseline", Limit("size.artifact", "<=", 0, "baseline", 1.02)),
        ("size.artifact <= 2 * dense", Limit("size.artifact", "<=", 0, "dense", 2)),
        ("x <= baseline", Limit("x", "<=", 0, "baseline")),
        ("x <= baseline + 0.1", Limit("x", "<=", 0.1, "baseline")),
        ("x >= 0.5 x dense - 1e-3", Limit("x", ">=", -0.001, "dense", 0.5)),
        ("size.a <= 0.2 x size.dense_onnx", Limit("size.a", "<=", 0, "size.dense_onnx", 0.2)),
    ],
)
def test_a_limit_is_read(text, limit):
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit
    assert TypeAdapter(Limit).validate_python(text) == limit
    assert TypeAdapter(Limit).dump_python(limit) == str(limit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "size.ratio",
        "size.ratio > 8",
        "size.ratio == 8",
        ">= 8",
        "size.ratio >=",
        "size.ratio >= much",
        "size.ratio >= 8x",
        "size.ratio >= 1e",
        "size.ratio >= nan",
        "size.ratio >= inf",
        "size.ratio >= 1e999",
        "8 <= size.ratio",
        "a b >= 1",
        "a >= 1, b >= 2",
        "a >= much",
        "a >= 2 x",
        "a >= x baseline",
        "a >= 2 x nan",
        "a >= 2 baseline",
        "a >= baseline +",
        "a >= baseline + much",
        "a >= 1e999 x baseline",
        "a >= 1 + 1",
    ],
)
def test_what_is_no_limit_is_told(text):
    message = (
        f"`{text}` is not a limit: expected NAME <= NUMBER or NAME >= NUMBER, where a number may "
        "be relative, such as `size.ratio >= 8.5` or `size.artifact <= 1.02 x baseline`"
    )
    with pytest.raises(ValueError, match="is not a limit") as caught:
        Limit.parse(text)
    assert str(caught.value) == message
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Limit).validate_python(text)
    assert message in str(refused.value)


PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"


def check(text, metric, samples=None):
    limit = Limit.parse(text)
    return Check(limit, metric, limit.constant, samples)


@pytest.mark.parametrize(
    ("text", "metric", "outcome"),
    [
        ("a <= 1", Metric(1), PASSED),
        ("a <= 1", Metric(1.01), FAILED),
        ("a >= 1", Metric(1), PASSED),
        ("a >= 1", Metric(0.99), FAILED),
        ("a <= 0", Metric(-0.0), PASSED),
        ("a <= 1", Metric(INF), FAILED),
        ("a >= 1", Metric(INF), PASSED),
        ("a >= 1", Metric(-INF), FAILED),
        ("a <= 1", Metric(0.9, low=0.8, high=1.0), PASSED),
        ("a <= 1", Metric(0.9, low=0.8, high=1.1), UNDECIDED),
        ("a <= 1", Metric(1.1, low=1.0, high=1.2), UNDECIDED),
        ("a <= 1", Metric(1.1, low=1.01, high=1.2), FAILED),
        ("a >= 1", Metric(1.1, low=1.0, high=1.2), PASSED),
        ("a >= 1", Metric(1.1, low=0.9, high=1.2), UNDECIDED),
        ("a >= 1", Metric(0.9, low=0.8, high=1.0), UNDECIDED),
        ("a >= 1", Metric(0.9, low=0.8, high=0.99), FAILED),
        ("a <= 1", Metric(0.9, high=1.1), UNDECIDED),
        ("a <= 1", Metric(0.9, low=0.8), PASSED),
    ],
)
def test_an_estimate_passes_or_fails_with_its_whole_interval(text, metric, outcome):
    assert check(text, metric).outcome == outcome


@pytest.mark.parametrize("name", ["latency.batch_1.ratio", "memory.peak", "throughput.batch_1"])
def test_noise_alone_fails_no_build(name):
    for noisy in (
        check(f"{name} <= 1", Metric(1.1, low=0.99, high=1.2)),
        check(f"{name} >= 1", Metric(0.9, low=0.8, high=1.01)),
    ):
        assert (noisy.outcome, noisy.is_tolerated) == (UNDECIDED, True)
    assert check(f"{name} <= 1", Metric(1.1, low=1.01, high=1.2)).outcome == FAILED


@pytest.mark.parametrize("name", ["accuracy.drop", "latency.batch_1.ratio"])
@pytest.mark.parametrize("sense", ["<=", ">="])
@pytest.mark.parametrize(
    "metric", [Metric(NAN), Metric(NAN, low=0, high=2), Metric(1, low=NAN), Metric(1, high=NAN)]
)
def test_not_a_number_fails(name, sense, metric):
    assert check(f"{name} {sense} 1", metric).outcome == FAILED


def test_a_bound_that_is_not_a_number_fails():
    assert Check(Limit("a", "<=", 0, "baseline"), Metric(1), NAN).outcome == FAILED


def test_too_few_samples_say_how_many_would_do():
    drop = Metric(0.3, "points", low=0.1, high=0.5)
    needed = check("accuracy.drop <= 0.4", drop, samples=1000).samples_needed
    assert 4000 < needed < 10_000
    assert check("accuracy.drop <= 0.35", drop, samples=1000).samples_needed == pytest.approx(
        4 * needed, rel=0.01
    )


@pytest.mark.parametrize(
    ("text", "metric", "samples"),
    [
        ("a <= 1", Metric(0.9), 100),
        ("a <= 1", Metric(0.9, low=0.8, high=1.1), None),
        ("a <= 1", Metric(1.0, low=0.8, high=1.1), 100),
        ("a <= 1", Metric(0.9, high=1.1), 100),
        ("a <= 1", Metric(0.8, low=0.7, high=0.9), 100),
    ],
)
def test_there_is_no_telling_how_many_samples_would_do(text, metric, samples):
    assert check(text, metric, samples).samples_needed is None


@pytest.mark.parametrize(
    ("name", "globs", "found"),
    [
        ("size.ratio", ["size.*"], True),
        ("size.ratio", ["latency.*", "*.ratio"], True),
        ("Size.ratio", ["size.*"], False),
        ("sizes", ["size"], False),
        ("size.ratio", [], False),
    ],
)
def test_a_glob_means_case_and_whole_names(name, globs, found):
    assert matches(name, globs) is found
