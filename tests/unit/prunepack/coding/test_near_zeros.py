"""Numbers of elements that are -0.0 or denormal, and the sentence about them."""

import ml_dtypes
import numpy as np
import pytest

from prunepack.coding.near_zeros import (
    NearZeros,
    count_near_zeros,
    describe_near_zeros,
    sum_near_zeros,
)

TYPES = {"float16": 1e-7, "bfloat16": 1e-39, "float32": 1e-40, "float64": 1e-310}
"""A denormal of each type."""


def make_items(dtype):
    tiny, normal = TYPES[dtype], float(ml_dtypes.finfo(dtype).smallest_normal)
    values = [0.0, -0.0, -0.0, tiny, -tiny, tiny, normal, -normal, 1, -np.inf]
    return np.array(values, dtype)


ITEMS = {dtype: make_items(dtype) for dtype in TYPES}
"""Made early: after a session, numpy may convert denormals to zeros in this thread."""


@pytest.mark.parametrize("dtype", TYPES)
def test_elements_of_each_type(dtype):
    items = ITEMS[dtype]
    found = count_near_zeros(items.reshape(2, 5), dtype)
    assert found == NearZeros(2, 0 if dtype == "float16" else 3)
    words = items.view(f"u{items.itemsize}")
    assert count_near_zeros(words, dtype) == found
    assert count_near_zeros(np.array([np.nan, -np.nan], dtype), dtype) == NearZeros()


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int64", "bool", "float8e5m2"])
def test_other_types_have_none(dtype):
    items = np.full(100, 128, "u1")  # the bits of a -0.0
    assert count_near_zeros(items, dtype) == NearZeros()


def test_nothing_is_said_of_a_few():
    assert describe_near_zeros(NearZeros(10, 10), 1000) == ""
    assert describe_near_zeros(NearZeros(), 0) == ""


@pytest.mark.parametrize(
    ("counts", "start"),
    [
        (NearZeros(450, 1), "450 of 1,000 elements are -0.0, which an artifact stores as nonzeros"),
        (NearZeros(1, 450), "450 of 1,000 elements are denormal, which an artifact stores as"),
        (
            sum_near_zeros([NearZeros(200, 0), NearZeros(250, 20)]),
            "450 of 1,000 elements are -0.0 and 20 of 1,000 elements are denormal, which an",
        ),
    ],
)
def test_a_sentence_says_how_to_make_them_zeros(counts, start):
    text = describe_near_zeros(counts, 1000)
    assert text.startswith(start)
    assert text.endswith(
        "`prunepack finalize`, or `prunepack run` with an .onnx file, makes them +0.0"
    )
