"""The numbers that bits stand for, against the library that ONNX uses for the same."""

import ml_dtypes
import numpy as np
import pytest

from prunepack.coding.dtypes import DTYPES
from prunepack.coding.narrow_types import numbers, split

SAME = {
    "bfloat16": ml_dtypes.bfloat16,
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float8e8m0": ml_dtypes.float8_e8m0fnu,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "int2": ml_dtypes.int2,
    "uint2": ml_dtypes.uint2,
}


def every_code(dtype):
    width = 8 * dtype.itemsize // dtype.packed
    return np.arange(2**width).astype(dtype.carrier)


@pytest.mark.parametrize("name", [name for name in SAME if name in DTYPES])
def test_every_code_of_a_type_that_numpy_lacks(name):
    codes = every_code(DTYPES[name])
    with np.errstate(invalid="ignore"):  # signalling NaN become quiet ones
        expected = codes.view(SAME[name]).astype(np.float64)
        found = numbers(codes, DTYPES[name]).astype(np.float64)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", [name for name in DTYPES if name not in SAME])
def test_what_numpy_knows_is_left_alone(name):
    array = np.arange(5).astype(DTYPES[name].carrier)
    assert numbers(array, DTYPES[name]) is array


@pytest.mark.parametrize("name", [n for n in DTYPES if DTYPES[n].packed > 1])
def test_elements_that_share_a_byte_are_taken_apart(name):
    dtype = DTYPES[name]
    width = 8 // dtype.packed
    elements = np.arange(40, dtype=np.uint8) * 7 % 2**width
    items = sum(elements[i :: dtype.packed] << (width * i) for i in range(dtype.packed))
    np.testing.assert_array_equal(split(items.astype(np.uint8), dtype), elements)


def test_whole_elements_are_not_copied():
    items = np.arange(3, dtype="<f4")
    assert split(items, DTYPES["float32"]) is items
