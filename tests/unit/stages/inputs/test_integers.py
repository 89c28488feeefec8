"""Integers without a bound take all that their dtype can hold."""

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.inputs.integers import list_free_integers, widen_integers
from prunepack.stages.inputs.usual import UsualInputs


def ranges(only, dtype):
    batches = [batch for batch in widen_integers(only(shape=(8,), dtype=dtype)) if batch]
    arrays = [batch.arrays["x"] for batch in batches]
    assert all(array.dtype == dtype and array.shape == (16, 8) for array in arrays)
    return [(int(array.min()), int(array.max())) for array in arrays]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint8", [(0, 9), (0, 255)]),
        ("int8", [(0, 9), (0, 127), (-9, 9)]),
        ("int16", [(0, 9), (0, 255), (-9, 9), (256, 32767)]),
        ("int32", [(0, 9), (0, 255), (-9, 9), (256, 65535), (1 << 30, 2**31 - 1)]),
        ("int64", [(0, 9), (0, 255), (-9, 9), (256, 65535), (1 << 30, 1 << 34)]),
    ],
)
def test_the_ranges_of_each_dtype(only, dtype, expected):
    assert ranges(only, dtype) == expected


def test_bounded_integers_and_masks_are_left_alone():
    integer = {"shape": (4,), "dtype": "int64"}
    inputs = (
        InputSpec(name="ids", **integer),
        InputSpec(name="attention_mask", **integer),
        InputSpec(name="age", **integer, range=(0, 120)),
        InputSpec(name="on", shape=(4,), dtype="bool"),
        InputSpec(name="visits", **integer),
    )
    usual = UsualInputs(inputs, 0, {"ids": 50})
    assert [spec.name for spec in list_free_integers(usual)] == ["visits"]
    for batch in widen_integers(usual):
        np.testing.assert_array_equal(batch.arrays["ids"], usual.arrays["ids"])


def test_sizes_of_tensors_get_small_values_only(only):
    batches = widen_integers(only(shape=(8,), dtype="int64"), {"x"})
    assert [batch.name for batch in batches] == ["x up to 9", "x up to 255", "x down to -9"]
