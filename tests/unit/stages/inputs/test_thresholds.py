"""The constants that a graph compares with, and values around them."""

import numpy as np
import onnx.parser
import pytest

from prunepack.stages.inputs.thresholds import approach_thresholds, find_thresholds


def graph(body, inputs="float[n, 4] x", outputs="float[n, 4] y"):
    header = '<ir_version: 9, opset_import: ["" : 18]>'
    return onnx.parser.parse_model(f"{header} g ({inputs}) => ({outputs}) {{ {body} }}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("c = Constant<value_float: float = 6.5>() y = Min(x, c)", [6.5]),
        ("c = Constant<value_floats: floats = [-2.0]>() y = Max(x, c)", [-2]),
        ("c = Constant<value: tensor = float {7.0}>() e = Equal(x, c) y = Where(e, c, x)", [7]),
        ("c = Constant<value_float: float = 9.0>() y = Mod<fmod: int = 1>(x, c)", [9]),
        ("c = Constant<value_float: float = 9.0>() y = Mul(x, c)", []),
        ("c = Constant<value_float: float = 0.0>() y = Max(x, c)", []),
        ("c = Constant<value_float: float = -3.4e38>() y = Max(x, c)", []),
        ("c = Constant<value_floats: floats = [1.0, 2.0]>() y = Max(x, c)", []),
    ],
)
def test_constants_of_comparisons(body, expected):
    assert find_thresholds([graph(body)]) == expected


def test_initializers_attributes_and_subgraphs():
    low, high = ("low", -3.0), ("high", 4.0)
    clip = graph("y = Clip(x, low, high)", "float[n, 4] x, float low, float high")
    for name, value in (low, high):
        clip.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value), name))
    old = graph("y = Clip<min: float = 0.0, max: float = 6.0>(x)")
    inner = graph(
        "y = If(c) <then_branch = t () => (float[n, 4] a) "
        "{ k = Constant<value_float: float = 5.0>() a = Min(x, k) }, "
        "else_branch = e () => (float[n, 4] b) { b = Identity(x) }>",
        "float[n, 4] x, bool c",
    )
    assert find_thresholds([clip, old, inner, clip]) == [-3, 4, 6, 5]


def test_many_thresholds_are_cut():
    body = "".join(
        f"c{n} = Constant<value_float: float = {n}.5>() y{n} = Min(x, c{n}) " for n in range(30)
    )
    assert len(find_thresholds([graph(f"{body} y = Identity(y1)")])) == 8


@pytest.mark.parametrize("threshold", [8.0, 60.0, -5000.0, 0.01])
def test_floats_around_below_and_above(only, threshold):
    batches = list(approach_thresholds(only(shape=(32,)), [threshold]))
    around, below, above = (batch.arrays["x"] for batch in batches)
    assert (around == np.float32(threshold)).any()
    assert (around < threshold).any()
    assert (around > threshold).any()
    assert (below < threshold).all()
    assert (above > threshold).all()
    assert np.abs(around / threshold - 1).max() < 0.011
    assert [batch.name for batch in batches] == [
        f"values {word} {threshold:g}" for word in ("around", "below", "above")
    ]


def test_integers_are_next_to_the_threshold_and_masks_are_left_alone(usual):
    around, *_ = approach_thresholds(usual, [5.0])
    assert np.unique(around.arrays["ids"]).tolist() == [4, 5, 6]
    np.testing.assert_array_equal(around.arrays["on"], usual.arrays["on"])
    beyond, *_ = approach_thresholds(usual, [700.0])
    assert np.unique(beyond.arrays["ids"]).tolist() == [8]
