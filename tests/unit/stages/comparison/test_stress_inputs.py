"""Made-up inputs: several batch sizes, edges, and every open axis at another size."""

from types import SimpleNamespace

import numpy as np
import pytest

from prunepack.stages.comparison.stress_inputs import (
    SCALES,
    Axis,
    in_units,
    open_axes,
    random_cases,
    trials,
    units_of,
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
def test_random_cases_are_the_noise_in_batches_of_one_two_and_more(count, sizes):
    cases = list(random_cases(INPUTS, count, 5, {"ids": 9}))
    assert [case.count for case in cases] == sizes
    for name, array in random_inputs(INPUTS, count, 5, {"ids": 9}).items():
        np.testing.assert_array_equal(np.concatenate([c.arrays[name] for c in cases]), array)


def test_open_axes():
    shapes = ("x", ["batch", 3, "length"]), ("ids", ["batch", "length"]), ("on", ["batch"])
    axis = Axis("length", (("x", 2), ("ids", 1)), 16)
    assert open_axes(session(*shapes), INPUTS) == [axis]


def test_axes_without_a_name_and_axes_that_are_closed():
    shapes = ("x", [1, None, 16]), ("ids", [None, 16]), ("on", [])
    assert open_axes(session(*shapes), INPUTS) == [Axis("x[1]", (("x", 1),), 3)]


def test_zeros_and_large_values():
    zeros, large = trials(INPUTS, [], 0, {"ids": 9})
    (case,) = zeros.cases
    assert [array.shape for array in case.arrays.values()] == [(2, 3, 16), (2, 16), (2,)]
    assert not any(array.any() for array in case.arrays.values())
    usual = random_inputs(INPUTS, 2, 0, {"ids": 9})["x"]
    assert [case.scale for case in large.cases] == list(SCALES)
    for case in large.cases:
        np.testing.assert_array_equal(case.arrays["x"], usual * np.float32(case.scale))
        assert np.unique(case.arrays["ids"]).tolist() == [8]
        assert case.arrays["on"].all()


def test_large_values_of_a_model_without_floats():
    _, large = trials(INPUTS[1:], [], 0, {"ids": 9})
    assert {(case.name, case.scale) for case in large.cases} == {("highest integers", 1.0)}


def test_an_open_axis_at_other_sizes():
    axis = Axis("length", (("x", 2), ("ids", 1)), 16)
    *_, trial = trials(INPUTS, [axis], 0, {})
    assert trial.axis
    assert [case.name for case in trial.cases] == [f"length of {n}" for n in (8, 15, 17, 32)]
    shapes = {name: array.shape for name, array in trial.cases[0].arrays.items()}
    assert shapes == {"x": (2, 3, 8), "ids": (2, 8), "on": (2,)}


@pytest.mark.parametrize(("size", "others"), [(1, [2]), (2, [1, 3, 4]), (3, [1, 2, 4, 6])])
def test_a_small_axis_has_another_size_too(size, others):
    inputs = (InputSpec(name="x", shape=(size,)),)
    *_, trial = trials(inputs, [Axis("n", (("x", 1),), size)], 0, {})
    assert [case.arrays["x"].shape for case in trial.cases] == [(2, other) for other in others]


def test_outputs_of_large_inputs_are_compared_in_larger_units():
    outputs = {"y": np.array([3.0, -5000.0]), "small": np.array([0.5]), "n": np.array([4])}
    units = units_of(outputs | {"zero": np.zeros(2)}, 1024)
    assert units == {"y": 8192, "small": 1024}
    found = in_units(outputs, units)
    assert found["y"].tolist() == [3 / 8192, -5000 / 8192]
    assert found["n"].tolist() == [4]
    assert units_of(outputs, 1) == {}
