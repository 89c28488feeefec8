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


@pytest.mark.parametrize("shape", [(8,), (8, 8), (8, 1), (1, 8)])
@pytest.mark.parametrize(("dtype", "bounds"), [("bool", None), ("int64", None), ("int64", (0, 1))])
def test_no_row_of_a_mask_is_all_zero(shape, dtype, bounds):
    spec = InputSpec(name="mask", shape=shape, dtype=dtype, range=bounds)
    rows = random_inputs((spec,), 64, 0)["mask"].reshape(64, -1, 8)
    assert rows.any(-1).all()
    assert not rows.all()


@pytest.mark.parametrize("dtype", ["bool", "int64"])
def test_a_mask_of_one_token_keeps_it(dtype):
    """A row that hides everything has no answer, and forms differ on it."""
    mask = InputSpec(name="mask", shape=("tokens",), dtype=dtype, example=(1,))
    assert random_inputs((mask,), 64, 0)["mask"].all()


@pytest.mark.parametrize("shape", [(8,), (3, 8), (8, 1), ("tokens",)])
def test_a_boolean_mask_is_false_at_its_last_place_since_true_may_mean_padding(shape):
    spec = InputSpec(name="padding", shape=shape, dtype="bool")
    rows = random_inputs((spec,), 64, 0)["padding"]
    rows = rows[..., 0] if shape[-1] == 1 else rows
    assert rows[..., 0].all()
    assert not rows[..., -1].any()


def test_indices_and_single_flags_are_not_masks():
    index = InputSpec(name="ids", shape=(8,), dtype="int64")
    assert not random_inputs((index,), 64, 0, {"ids": 2})["ids"][:, 0].all()
    flag = InputSpec(name="flag", shape=(1,), dtype="bool")
    assert not random_inputs((flag,), 64, 0)["flag"].all()


@pytest.mark.parametrize(
    ("dtype", "bounds"), [("float32", (0.5, 2.0)), ("int64", (3, 49)), ("uint8", (0, 255))]
)
def test_values_are_in_their_range(dtype, bounds):
    spec = InputSpec(name="x", shape=(50,), dtype=dtype, range=bounds)
    x = random_inputs((spec,), 40, 0, {"x": 9})["x"]
    assert x.dtype == dtype
    assert bounds[0] <= x.min() < x.max() <= bounds[1]
    assert dtype == "float32" or (x.min(), x.max()) == bounds


@pytest.mark.parametrize(("axis", "shape"), [(0, (5, 3, 4)), (1, (3, 5, 4)), ("none", (3, 4))])
def test_the_batch_axis_is_where_the_input_has_it(axis, shape):
    spec = InputSpec(name="x", shape=(3, "width"), example=(3, 4), batch_axis=axis)
    assert random_inputs((spec,), 5, 0)["x"].shape == shape


def test_samples_of_a_file_begin_again(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3, dtype=np.float32))
    spec = InputSpec(name="x", file=tmp_path / "x.npy")
    assert random_inputs((spec,), 5, 0)["x"].tolist() == [0, 1, 2, 0, 1]
