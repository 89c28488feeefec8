"""Limits: how they are written, whose come first, and when one holds. NaN never passes."""

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from prunepack.errors import UsageError
from stages.limits import ALWAYS, Check, Limit, LimitText, checks_of, merged
from stages.metrics import Metric

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("size.ratio >= 8.5", Limit("size.ratio", ">=", 8.5)),
        ("  accuracy.drop<=0.5 ", Limit("accuracy.drop", "<=", 0.5)),
        ("parity.torch_onnx.tolerance <= 1e-4", Limit("parity.torch_onnx.tolerance", "<=", 1e-4)),
        ("accuracy.drop >= -2", Limit("accuracy.drop", ">=", -2)),
        ("x <= .5E+1", Limit("x", "<=", 5)),
    ],
)
def test_a_limit_is_read(text, limit):
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit
    assert TypeAdapter(LimitText).validate_python(text) == text


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
    ],
)
def test_what_is_no_limit_is_told(text):
    message = (
        f"{text!r} is not a limit: expected NAME <= NUMBER or NAME >= NUMBER, "
        "such as 'size.ratio >= 8.5'"
    )
    with pytest.raises(ValueError, match="is not a limit") as caught:
        Limit.parse(text)
    assert str(caught.value) == message
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(LimitText).validate_python(text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "metric", "passed"),
    [
        ("a <= 1", Metric(1), True),
        ("a <= 1", Metric(1.01), False),
        ("a >= 1", Metric(1), True),
        ("a >= 1", Metric(0.99), False),
        ("a <= 0", Metric(-0.0), True),
        ("a <= 1", Metric(NAN), False),
        ("a >= 1", Metric(NAN), False),
        ("a <= 1", Metric(INF), False),
        ("a >= 1", Metric(INF), True),
        ("a >= 1", Metric(-INF), False),
        ("a <= 1", Metric(1.1, low=0.99, high=1.2), True),
        ("a <= 1", Metric(1.1, low=1.0, high=1.2), True),
        ("a <= 1", Metric(1.1, low=1.01, high=1.2), False),
        ("a >= 1", Metric(0.9, low=0.8, high=1.1), True),
        ("a >= 1", Metric(0.9, low=0.8, high=1.0), True),
        ("a >= 1", Metric(0.9, low=0.8, high=0.99), False),
        ("a <= 1", Metric(NAN, low=0.1, high=0.2), False),
        ("a <= 1", Metric(1.1, low=NAN, high=NAN), False),
        ("a <= 1", Metric(0.9, low=NAN, high=NAN), True),
        ("a >= 1", Metric(0.9, low=NAN, high=NAN), False),
        ("a >= 1", Metric(1.1, low=NAN, high=NAN), True),
    ],
)
def test_a_check_fails_only_beyond_its_limit_and_its_interval(text, metric, passed):
    assert Check(Limit.parse(text), metric).passed is passed


def test_what_always_holds_holds_without_being_asked():
    assert [str(limit) for limit in merged([], [])] == [str(Limit.parse(one)) for one in ALWAYS]


def test_a_limit_of_ones_own_replaces_the_usual_one():
    limits = merged(["parity.torch_onnx.tolerance <= 1e-2", "size.ratio >= 2"], [])
    found = [limit for limit in limits if limit.name == "parity.torch_onnx.tolerance"]
    assert found == [Limit("parity.torch_onnx.tolerance", "<=", 1e-2)]
    assert len(limits) == len(ALWAYS) + 1


def test_a_figure_can_have_a_limit_on_either_side():
    limits = merged(["x <= 2", "x >= 1", "x <= 3"], [])
    assert limits[len(ALWAYS) :] == [Limit("x", "<=", 3), Limit("x", ">=", 1)]


def test_skipping_is_by_glob():
    names = {limit.name for limit in merged(["size.ratio >= 8"], ["parity.*", "*.provider_*"])}
    assert names == {"size.ratio"}
    assert merged(["a <= 1"], ["*"]) == []


def test_a_glob_means_case_and_whole_names():
    names = {limit.name for limit in merged(["Size >= 1", "sizes >= 1"], ["size"])}
    assert {"Size", "sizes"} < names


def test_checks_hold_each_limit_against_its_figure():
    metrics = {"x": Metric(2), "y": Metric(3)}
    checks = checks_of([Limit("y", ">=", 3), Limit("x", "<=", 1)], metrics)
    assert [(check.limit.name, check.passed) for check in checks] == [("y", True), ("x", False)]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("size.ration", "Did you mean 'size.ratio'?"),
        ("zzz", "Known: accuracy.drop, size.ratio."),
    ],
)
def test_a_figure_that_was_not_measured_is_told_with_the_nearest(name, hint, says):
    metrics = {"size.ratio": Metric(1), "accuracy.drop": Metric(1)}
    with says(UsageError, f"the limit '{name} >= 8' is on a figure that was not measured. {hint}"):
        checks_of([Limit(name, ">=", 8)], metrics)
