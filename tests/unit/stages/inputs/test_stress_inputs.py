"""Stress inputs: which samples are compared, and what the note tells."""

import numpy as np
import pytest

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.axes import DynamicAxis
from prunepack.stages.inputs.batches import InputBatch
from prunepack.stages.inputs.stress_inputs import (
    StressLimits,
    find_usable_batch,
    stress_batches,
    stress_metrics,
)

X = (InputSpec(name="x", shape=(2,)),)


def refuse(inputs):
    raise RefusedError("the torch model cannot run")


def batch(*rows, scale=1.0):
    return InputBatch("some", {"x": np.float32(rows)}, len(rows), scale=scale)


def reciprocal(inputs):
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"y": np.log(inputs["x"]), "n": np.array([7])}


@pytest.mark.parametrize(
    ("rows", "scale", "kept"),
    [
        ([[1, 2], [3, 4]], 1.0, [[1, 2], [3, 4]]),
        ([[1, 2], [-3, 4]], 1.0, [[1, 2]]),  # the logarithm of the second is NaN
        ([[1, 0], [3, 4]], 1.0, [[1, 0], [3, 4]]),  # that of zero is infinite, for any form
        ([[1, 0], [3, 4]], 64.0, [[3, 4]]),  # unless the inputs are too large
        ([[1, -2], [3, -4]], 1.0, None),
    ],
)
def test_samples_that_torch_answers_with_nan_are_dropped(rows, scale, kept):
    usable = find_usable_batch(batch(*rows, scale=scale), X, reciprocal)
    if kept is None:
        assert usable is None
        return
    found, outputs = usable
    assert found.arrays["x"].tolist() == kept
    assert found.count == len(kept) == len(outputs["y"])


def test_inputs_that_torch_refuses_are_not_usable():
    assert find_usable_batch(batch([1, 2]), X, refuse) is None


def test_missing_values_need_outputs_that_show_them():
    missing = batch([np.nan, 1], [2, 3])
    filled = find_usable_batch(missing, X, lambda x: {"y": np.nan_to_num(x["x"])})
    assert filled[0].count == 2
    assert find_usable_batch(missing, X, reciprocal) is None  # the rest has no missing value
    assert find_usable_batch(missing, X, lambda x: {"n": x["x"].argmax(1)}) is None


def test_one_sample_without_a_batch_axis_is_usable_or_not():
    inputs = (InputSpec(name="x", shape=(2,), batch_axis="none"),)
    whole = InputBatch("some", {"x": np.float32([-1, 2])}, 1)
    assert find_usable_batch(whole, inputs, reciprocal) is None


def test_all_kinds_are_there(usual):
    axis = DynamicAxis("length", (("x", 2), ("ids", 1)), 16)
    limits = StressLimits([axis], [6.0], 500, (48,))
    purposes = list(dict.fromkeys(each.purpose for each in stress_batches(usual, limits)))
    assert purposes == [
        *("zeros", "zeros of", "small values ×", "large values ×", "x alone ×"),
        *("lowest values", "highest values", "missing values"),
        *("values around", "values below", "values above", "length of", "batch of"),
    ]


def test_the_number_of_samples_falls_with_their_size(only):
    assert only(shape=(4,)).count == 16
    assert only(shape=(500,)).count == 4
    assert only(shape=(3, 224, 224)).count == 1
    assert only(shape=(4,), batch_axis="none").count == 1


def named(name, purpose="", axis=""):
    return InputBatch(name, {}, 2, purpose=purpose or name, axis=axis)


def test_metrics_name_compared_and_skipped_inputs():
    results = [
        (named("zeros"), True),
        (named("large values × 4", "large values ×"), True),
        (named("large values × 16", "large values ×"), True),
        (named("large values × 64", "large values ×"), False),
        (named("length of 3", "length of", "length"), False),
        (named("length of 9", "length of", "length"), False),
        (named("width of 3", "width of", "width"), False),
        (named("width of 9", "width of", "width"), True),
    ]
    axes = [DynamicAxis("length", (("x", 1),), 6), DynamicAxis("width", (("x", 2),), 6)]
    metrics = stress_metrics(9, axes, results)
    assert {name: (one.value, one.note) for name, one in metrics.items()} == {
        "parity.inputs.random_samples": (
            9,
            "also zeros, large values × 4, 16, width of 9; "
            "not large values × 64, length of 3, 9, width of 3, which torch cannot take",
        ),
        "parity.inputs.dynamic_axes": (2, "length, width"),
        "parity.inputs.untested_axes": (1, "length"),
    }
