"""Stress inputs: edges, and every dynamic axis at another size."""

from types import SimpleNamespace

import numpy as np
import pytest

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch
from prunepack.stages.inputs.stress_inputs import (
    SCALES,
    DynamicAxis,
    StressTest,
    find_dynamic_axes,
    find_usable_batch,
    stress_metrics,
    stress_tests,
)

INPUTS = (
    InputSpec(name="x", shape=(3, 16)),
    InputSpec(name="ids", shape=(16,), dtype="int64"),
    InputSpec(name="on", shape=(), dtype="bool"),
)


def session(*shapes):
    """Only the names and shapes of inputs, which is all that the tests need of a session."""
    inputs = [SimpleNamespace(name=name, shape=shape) for name, shape in shapes]
    return SimpleNamespace(get_inputs=lambda: inputs)


def test_dynamic_axes():
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


def refuse(inputs):
    raise RefusedError("the torch model cannot run")


def test_the_first_batch_that_torch_answers_with_numbers_is_used():
    batches = tuple(InputBatch(str(n), {"x": np.float32([n])}, 1) for n in (0, 2, 4))
    test = StressTest("numbers", batches)

    def run(inputs):
        if inputs["x"][0] == 0:
            refuse(inputs)
        return {"y": inputs["x"] / (inputs["x"] - 2), "n": np.array([7])}

    with np.errstate(divide="ignore"):
        batch, outputs = find_usable_batch(test, run)
    assert batch.name == "4"
    assert outputs["y"].tolist() == [2]
    assert find_usable_batch(test, refuse) is None


def test_metrics_name_compared_and_skipped_inputs():
    zeros, longer = InputBatch("zeros", {}, 2), InputBatch("length of 3", {}, 2)
    results = [
        (StressTest("zeros", (zeros,)), zeros),
        (StressTest("large values", ()), None),
        (StressTest("length", (longer,), axis=True), None),
    ]
    metrics = stress_metrics(9, [DynamicAxis("length", (("x", 1),), 6)], results)
    assert {name: (one.value, one.note) for name, one in metrics.items()} == {
        "parity.inputs.random_samples": (
            9,
            "also zeros; not large values, length, which torch cannot take",
        ),
        "parity.inputs.dynamic_axes": (1, "length"),
        "parity.inputs.untested_axes": (1, "length"),
    }


def test_values_stay_in_their_range_and_masks_are_not_zero():
    inputs = (
        InputSpec(name="x", shape=(4,), range=(0.5, 8.0)),
        InputSpec(name="mask", shape=(4,), dtype="bool"),
        InputSpec(name="length", dtype="int64", range=(1, 12)),
    )
    (large,) = stress_tests(inputs, [], 0, {})
    assert {(batch.name, batch.scale) for batch in large.batches} == {("highest values", 1.0)}
    arrays = large.batches[0].arrays
    assert arrays["x"].max() <= 8
    assert arrays["mask"].all()
    assert arrays["length"].tolist() == [12, 12]


def test_samples_of_a_file_are_not_stressed(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 4), np.float32))
    inputs = (InputSpec(name="x", shape=("n",), file=tmp_path / "x.npy", example=(4,)),)
    assert list(stress_tests(inputs, [DynamicAxis("n", (("x", 1),), 4)], 0, {})) == []
