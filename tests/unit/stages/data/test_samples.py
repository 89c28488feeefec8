"""Inputs: seeded, of the right shape and dtype, and in a range that every layer takes."""

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs

INPUTS = (
    InputSpec(name="x", shape=(3, 4)),
    InputSpec(name="ids", shape=(5,), dtype="int64"),
    InputSpec(name="mask", shape=(), dtype="bool"),
    InputSpec(name="half", shape=(2,), dtype="float16"),
)


def test_one_array_for_each_input_in_order():
    arrays = random_inputs(INPUTS, 7, 0)
    assert [(name, array.shape, str(array.dtype)) for name, array in arrays.items()] == [
        ("x", (7, 3, 4), "float32"),
        ("ids", (7, 5), "int64"),
        ("mask", (7,), "bool"),
        ("half", (7, 2), "float16"),
    ]


def test_the_seed_decides():
    one, same, other = (
        random_inputs(INPUTS, 64, 1),
        random_inputs(INPUTS, 64, 1),
        random_inputs(INPUTS, 64, 2),
    )
    for name, array in one.items():
        np.testing.assert_array_equal(array, same[name])
        assert not np.array_equal(array, other[name])


@pytest.mark.parametrize("name", ["x", "half"])
def test_floats_are_standard_normal(name):
    x = random_inputs(INPUTS, 2000, 0)[name].astype(np.float64)
    assert abs(x.mean()) < 0.05
    assert abs(x.std() - 1) < 0.05


@pytest.mark.parametrize("name", ["ids", "mask"])
def test_whole_numbers_are_zeros_and_ones(name):
    assert set(np.unique(random_inputs(INPUTS, 100, 0)[name]).tolist()) == {0, 1}
