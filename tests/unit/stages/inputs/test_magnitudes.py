"""Zeros, small, large and missing values, of all inputs and of one alone."""

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.magnitudes import SCALES, scale_values, set_missing_values, set_zeros
from prunepack.stages.inputs.usual import UsualInputs


def listed(batches):
    return {batch.name: batch for batch in batches if batch is not None}


def test_zeros_of_all_inputs_and_of_one_alone(usual):
    zeros = listed(set_zeros(usual))
    assert list(zeros) == ["zeros", "zeros of x", "zeros of ids", "zeros of on"]
    assert not any(array.any() for array in zeros["zeros"].arrays.values())
    arrays = zeros["zeros of x"].arrays
    assert not arrays["x"].any()
    np.testing.assert_array_equal(arrays["ids"], usual.arrays["ids"])


def test_scales_are_powers_of_two_from_small_to_2_18(usual):
    batches = listed(scale_values(usual))
    scaled = [batch for name, batch in batches.items() if " values ×" in name]
    assert [batch.name.partition(" × ")[2] for batch in scaled][:4] == [
        "1/4096",
        "1/64",
        "1/8",
        "4",
    ]
    assert [batch.scale for batch in scaled] == [max(scale, 1) for scale in SCALES]
    assert SCALES[-1] == 2**18
    for scale, batch in zip(SCALES, scaled, strict=True):
        np.testing.assert_array_equal(batch.arrays["x"], usual.arrays["x"] * np.float32(scale))
        np.testing.assert_array_equal(batch.arrays["ids"], usual.arrays["ids"])
    assert {"x alone × 64", "x alone × 4096"} < batches.keys()


def test_highest_and_lowest_values(usual):
    batches = listed(scale_values(usual))
    highest, lowest = batches["highest values"].arrays, batches["lowest values"].arrays
    assert np.unique(highest["ids"]).tolist() == [8]
    assert highest["on"].all()
    assert not lowest["ids"].any()


def test_values_stay_in_their_range_and_masks_are_not_zero():
    usual = UsualInputs(
        (
            InputSpec(name="x", shape=(4,), range=(0.5, 8.0)),
            InputSpec(name="mask", shape=(4,), dtype="bool"),
            InputSpec(name="length", dtype="int64", range=(1, 12)),
        ),
        0,
        {},
    )
    batches = listed((*set_zeros(usual), *scale_values(usual)))
    assert list(batches) == ["lowest values", "highest values"]
    lowest, highest = (batches[name].arrays for name in batches)
    assert (lowest["x"].max(), highest["x"].min()) == (0.5, 8)
    assert lowest["mask"].any(1).all()
    assert highest["mask"].all()
    assert np.unique([lowest["length"], highest["length"]]).tolist() == [1, 12]


def test_a_mask_stays_as_it_is_among_zeros():
    mask = InputSpec(name="keep", shape=(4,), dtype="int64")
    usual = UsualInputs((InputSpec(name="x", shape=(4,)), mask), 0, {})
    zeros = listed(set_zeros(usual))
    assert list(zeros) == ["zeros", "zeros of x"]
    np.testing.assert_array_equal(zeros["zeros"].arrays["keep"], usual.arrays["keep"])


def test_float16_stays_finite(only):
    for batch in listed(scale_values(only(shape=(64,), dtype="float16"))).values():
        assert np.isfinite(batch.arrays["x"]).all()


def test_some_values_are_missing_and_most_are_not(usual):
    batches = listed(set_missing_values(usual))
    assert list(batches) == ["missing values"]
    missing = np.isnan(batches["missing values"].arrays["x"])
    assert 0.1 < missing.mean() < 0.3
    two = UsualInputs((InputSpec(name="a", shape=(9,)), InputSpec(name="b", shape=(9,))), 0, {})
    names = ["missing values", "missing values of a", "missing values of b"]
    assert list(listed(set_missing_values(two))) == names


@pytest.mark.parametrize("make", [set_zeros, scale_values, set_missing_values])
def test_samples_of_a_file_are_not_changed(make, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 4), np.float32))
    inputs = (InputSpec(name="x", shape=("n",), file=tmp_path / "x.npy", example=(4,)),)
    assert listed(make(UsualInputs(inputs, 0, {}))) == {}
