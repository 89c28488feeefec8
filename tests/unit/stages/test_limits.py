"""A limit says one thing, and holds or fails by it; NaN never passes."""

import math

import pytest

from prunepack.errors import UsageError
from stages.limits import ALWAYS, Check, Limit, checks_of, merged
from stages.metrics import Metric


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("size.ratio >= 8.5", Limit("size.ratio", ">=", 8.5)),
        ("  accuracy.drop<=0.5 ", Limit("accuracy.drop", "<=", 0.5)),
        ("parity.torch_onnx.tolerance <= 1e-4", Limit("parity.torch_onnx.tolerance", "<=", 1e-4)),
        ("accuracy.drop >= -2", Limit("accuracy.drop", ">=", -2)),
    ],
)
def test_a_limit_is_read(text, limit):
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text",
    ["", "size.ratio", "size.ratio > 3", "size.ratio >= x", ">= 3", "a b >= 3", "a >= 1e999"],
)
def test_what_is_no_limit_is_told(text):
    with pytest.raises(ValueError, match="is not a limit: expected NAME <= NUMBER"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("text", "metric", "passed"),
    [
        ("a <= 1", Metric(1), True),
        ("a <= 1", Metric(1.01), False),
        ("a >= 1", Metric(1), True),
        ("a >= 1", Metric(0.99), False),
        ("a <= 1", Metric(math.nan), False),
        ("a >= 1", Metric(math.nan), False),
        ("a <= 1", Metric(math.inf), False),
        ("a >= 1", Metric(-math.inf), False),
        ("a <= 1", Metric(math.nan, low=0.1, high=0.2), False),
        ("a <= 1", Metric(1.1, low=0.99, high=1.2), True),
        ("a <= 1", Metric(1.1, low=1.01, high=1.2), False),
        ("a >= 1", Metric(0.9, low=0.8, high=1.0), True),
        ("a >= 1", Metric(0.9, low=0.8, high=0.99), False),
        ("a <= 1", Metric(1.1, low=math.nan, high=math.nan), False),
    ],
)
def test_a_check_fails_only_beyond_its_limit_and_its_interval(text, metric, passed):
    assert Check(Limit.parse(text), metric).passed is passed


def test_what_always_holds_holds_without_being_asked():
    assert [str(limit) for limit in merged([], [])] == [str(Limit.parse(one)) for one in ALWAYS]


def test_a_limit_of_ones_own_replaces_the_usual_one():
    limits = merged(["parity.torch_onnx.tolerance <= 1e-6", "size.ratio >= 2"], [])
    assert [one.bound for one in limits if one.name == "parity.torch_onnx.tolerance"] == [1e-6]
    assert len(limits) == len(ALWAYS) + 1


def test_skipping_is_by_glob():
    names = {limit.name for limit in merged(["latency.batch_1.ratio <= 1"], ["latency.*"])}
    assert not any(name.startswith("latency.") for name in names)
    assert "parity.weights.differing_bytes" in names
    assert merged(["a <= 1"], ["*"]) == []


def test_a_figure_that_was_not_measured_is_told_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        checks_of([Limit.parse("size.ration >= 2")], {"size.ratio": Metric(3)})
    assert "the limit 'size.ration >= 2' is on a figure that was not measured" in str(caught.value)
    assert "Did you mean 'size.ratio'?" in str(caught.value)
