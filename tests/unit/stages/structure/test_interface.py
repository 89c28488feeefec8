"""Inputs and outputs as recorded, as declared and as computed."""

import numpy as np
import pytest
from onnx import parser

from prunepack.stages.exporting.declarations import declare_graph
from prunepack.stages.structure.interface import (
    list_interface_differences,
    list_shape_differences,
)
from prunepack.stages.structure.repetition import compare_runs

TEXT = """<ir_version: 9, opset_import: ["" : 20]>
model (float[batch, 3] x, int64[batch, length] ids) => (float[batch, 4] y, bool[length, ?] z) {
    y = Identity (x)
    z = Identity (ids)
}"""


def declare(text=TEXT):
    return declare_graph(parser.parse_model(text).graph)


def test_declarations_are_in_the_order_of_the_file():
    assert declare() == {
        "inputs": [
            {"name": "x", "dtype": "float32", "axes": ["batch", 3]},
            {"name": "ids", "dtype": "int64", "axes": ["batch", "length"]},
        ],
        "outputs": [
            {"name": "y", "dtype": "float32", "axes": ["batch", 4]},
            {"name": "z", "dtype": "bool", "axes": ["length", None]},
        ],
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [("x", "x"), ("batch, 3", "n, 3"), ("float[batch, 4] y", "float[] y"), ("?", "7"), ("?", "w")],
)
def test_what_is_no_difference(old, new):
    changed = TEXT.replace(old, new, 1)
    assert list(list_interface_differences(declare(), declare(changed))) == []


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "int64[batch, length] ids",
            "int32[batch, length] ids",
            ["input 1 `ids` is int32, not int64"],
        ),
        ("[batch, 3]", "[1, 3]", ["input 0 `x` has the axes [1, 3], not [batch, 3]"]),
        ("[batch, 4]", "[1, 4]", ["output 0 `y` has the axes [1, 4], not [batch, 4]"]),
        ("[batch, 4]", "[batch, 5]", ["output 0 `y` has the axes [batch, 5], not [batch, 4]"]),
        ("[batch, 4]", "[batch, k]", ["output 0 `y` has the axes [batch, k], not [batch, 4]"]),
        ("[batch, 4]", "[4]", ["output 0 `y` has the axes [4], not [batch, 4]"]),
        (
            "[batch, length]",
            "[batch, 8]",
            ["input 1 `ids` has the axes [batch, 8], not [batch, length]"],
        ),
        (", bool[length, ?] z", "", ["output 1 `z` is missing"]),
        ("[length, ?] z", "[length, ?] z, float w", ["output 2 `w` is extra"]),
        (
            "4] y, bool[length, ?] z",
            "4] z, bool[length, ?] y",
            ["output 0 is `z`, not `y`", "output 1 is `y`, not `z`"],
        ),
        (
            "float[batch, 3] x, int64[batch, length] ids",
            "int64[batch, length] ids, float[batch, 3] x",
            ["input 0 is `ids`, not `x`", "input 1 is `x`, not `ids`"],
        ),
    ],
)
def test_a_difference_is_named(old, new, lines):
    changed = declare(TEXT.replace(old, new, 1))
    assert list(list_interface_differences(declare(), changed)) == lines


def test_a_record_without_declarations_differs_in_nothing():
    assert list(list_interface_differences({}, declare())) == []


INPUTS = {"x": np.ones((2, 3), "f"), "ids": np.ones((2, 5), int)}


@pytest.mark.parametrize(
    ("y", "z", "lines"),
    [
        ((2, 4), (5, 9), []),
        ((1, 4), (5, 9), ["`y` is declared as [batch, 4], not [1, 4]"]),
        ((2, 5), (5, 9), ["`y` is declared as [batch, 4], not [2, 5]"]),
        ((2, 4), (2, 9), ["`z` is declared as [length, ?], not [2, 9]"]),
        ((2, 4), (5,), ["`z` is declared as [length, ?], not [5]"]),
    ],
)
def test_sizes_that_come_out(y, z, lines):
    outputs = [np.ones(y), np.ones(z)]
    assert list(list_shape_differences(declare(), INPUTS, outputs)) == lines


def test_an_axis_name_with_two_sizes_says_nothing():
    inputs = {"x": np.ones((2, 3)), "ids": np.ones((4, 5))}
    outputs = [np.ones((9, 4)), np.ones((5, 5))]
    assert list(list_shape_differences(declare(), inputs, outputs)) == []


@pytest.mark.parametrize(
    ("second", "count"),
    [
        ([1, np.nan, 3], 0),
        ([1, np.nan, 4], 1),
        ([1, 2, 3], 1),
        ([1, np.nan], 3),
    ],
)
def test_values_that_change_in_a_second_run(second, count):
    first = {"a": np.array([1, np.nan, 3]), "b": np.array(["x", "y"], object)}
    metric = compare_runs(first, first | {"a": np.array(second)})["runtime.inconsistent_values"]
    assert (metric.value, metric.note) == (count, "a" if count else "")
