"""Chosen inputs: several batch sizes, edges, and every dynamic axis at another size."""

from types import SimpleNamespace

import numpy as np
import pytest

from prunepack.stages.comparison.inputs import random_batches
from prunepack.stages.comparison.stress_inputs import (
    SCALES,
    DynamicAxis,
    divide_by_units,
    find_dynamic_axes,
    find_units,
    stress_tests,
)
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs

INPUTS = (
    InputSpec(name="x", shape=(3, 16)),
    InputSpec(name="ids", shape=(16,), dtype="int64"),
    InputSpec(name="on", shape=(), dtype="bool"),
)


def session(*shapes):
    """Only the names and shapes of inputs, which is all that is asked of a session here."""
    inputs = [SimpleNamespace(name=name, shape=shape) for name, shape in shapes]
    return SimpleNamespace(get_inputs=lambda: inputs)


@pytest.mark.parametrize(("count", "sizes"), [(3, [1, 2]), (4, [1, 2, 1]), (64, [1, 2, 61])])
def test_random_batches_are_the_noise_in_batches_of_one_two_and_more(count, sizes):
    batches = list(random_batches(INPUTS, count, 5, {"ids": 9}))
    assert [batch.count for batch in batches] == sizes
    for name, array in random_inputs(INPUTS, count, 5, {"ids": 9}).items():
        np.testing.assert_array_equal(np.concatenate([b.arrays[name] for b in batches]), array)


def test_open_axes():
    shapes = ("x", ["batch", 3, "length"]), ("ids", ["batch", "length"]), ("on", ["batch"])
    axis = DynamicAxis("length", (("x", 2), ("ids", 1)), 16)
    assert find_dynamic_axes(session(*shapes), INPUTS) == [axis]


def test_axes_without_a_name_and_axes_that_are_closed():
    shapes = ("x", [1, None, 16]), ("ids", [None, 16]), ("on", [])
    assert find_dynamic_axes(session(*shapes), INPUTS) == [DynamicAxis("x[1]", (("x", 1),), 3)]


def test_zeros_and_large_values():
    zeros, large = stress_tests(INPUTS, [], 0, {"ids": 9})
    (batch,) = zeros.batches
    assert [array.shape for array in batch.arrays.values()] == [(2, 3, 16), (2, 16), (2,)]
    assert not any(array.any() for array in batch.arrays.values())
    usual = random_inputs(INPUTS, 2, 0, {"ids": 9})["x"]
    assert [batch.scale for batch in large.batches] == list(SCALES)
    for batch in large.batches:
        np.testing.assert_array_equal(batch.arrays["x"], usual * np.float32(batch.scale))
        assert np.unique(batch.arrays["ids"]).tolist() == [8]
        assert batch.arrays["on"].all()


def test_large_values_of_a_model_without_floats():
    _, large = stress_tests(INPUTS[1:], [], 0, {"ids": 9})
    assert {(batch.name, batch.scale) for batch in large.batches} == {("highest integers", 1.0)}


def test_a_dynamic_axis_at_other_sizes():
    axis = DynamicAxis("length", (("x", 2), ("ids", 1)), 16)
    *_, test = stress_tests(INPUTS, [axis], 0, {})
    assert test.axis
    assert [batch.name for batch in test.batches] == [f"length of {n}" for n in (8, 15, 17, 32)]
    shapes = {name: array.shape for name, array in test.batches[0].arrays.items()}
    assert shapes == {"x": (2, 3, 8), "ids": (2, 8), "on": (2,)}


@pytest.mark.parametrize(("size", "others"), [(1, [2]), (2, [1, 3, 4]), (3, [1, 2, 4, 6])])
def test_a_small_axis_has_another_size_too(size, others):
    inputs = (InputSpec(name="x", shape=(size,)),)
    *_, test = stress_tests(inputs, [DynamicAxis("n", (("x", 1),), size)], 0, {})
    assert [batch.arrays["x"].shape for batch in test.batches] == [(2, other) for other in others]


def test_outputs_of_large_inputs_are_compared_in_larger_units():
    outputs = {"y": np.array([3.0, -5000.0]), "small": np.array([0.5]), "n": np.array([4])}
    units = find_units(outputs | {"zero": np.zeros(2)}, 1024)
    assert units == {"y": 8192, "small": 1024}
    found = divide_by_units(outputs, units)
    assert found["y"].tolist() == [3 / 8192, -5000 / 8192]
    assert found["n"].tolist() == [4]
    assert find_units(outputs, 1) == {}
