"""Casts: made if they lose nothing, else refused with both dtypes."""

import numpy as np
import pytest
import torch

from prunepack.errors import RefusedError
from prunepack.stages.data.casting import as_array, cast_exactly, find_loss


@pytest.mark.parametrize(
    ("values", "dtype", "loss"),
    [
        (np.array([2.0]), "int64", None),
        (np.array([1.5]), "int64", "1.5"),
        (np.array([2**24]), "float32", None),
        (np.array([2**24 + 1]), "float32", "16777217"),
        (np.array([2**53 + 1]), "float64", str(2**53 + 1)),
        (np.array([2**64 - 1], np.uint64), "int64", str(2**64 - 1)),
        (np.array([2.0**63]), "int64", "9.223372036854776e+18"),
        (np.array([-1]), "uint8", "-1"),
        (np.array([300]), "uint8", "300"),
        (np.array([0.1]), "float32", "0.1"),
        (np.array([0.5, np.nan, np.inf]), "float32", None),
        (np.array([np.nan]), "int64", "nan"),
        (np.array([0, 1]), "bool", None),
        (np.array([2]), "bool", "2"),
        (np.array([255], np.uint8), "float16", None),
        (np.array([1e300]), "float32", "1e+300"),
        (np.array([1 + 1j]), "float32", "(1+1j)"),
        (np.array(["a"]), "float32", ""),
        (np.array([], np.float64), "int8", None),
    ],
)
def test_the_first_value_that_a_dtype_cannot_hold(values, dtype, loss):
    assert find_loss(values, dtype) == loss


def test_a_cast_that_loses_nothing():
    cast = cast_exactly(np.array([1.0, 2.0]), "int64", "x")
    assert (cast.dtype, cast.tolist()) == (np.int64, [1, 2])


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (
            np.array([1.5]),
            "int64",
            "expected int64, or values that int64 holds exactly, found float64 with the value 1.5. "
            "Correct the dtype in load.inputs, or give whole numbers",
        ),
        (
            np.array([2**24 + 1]),
            "float32",
            "expected float32, or values that float32 holds exactly, found int64 with the value "
            "16777217. Correct the dtype in load.inputs, or give float32 arrays",
        ),
    ],
)
def test_any_other_cast_is_refused(values, dtype, message, says):
    with says(RefusedError, f"the split does not fit: {message}"):
        cast_exactly(values, dtype, "the split does not fit")


def test_tensors_of_every_kind():
    value = torch.tensor([[1.0, -2.0]], requires_grad=True)
    assert as_array(value).tolist() == [[1, -2]]
    assert as_array(value.detach().bfloat16()).dtype == np.float32
    assert as_array(value.detach().to_sparse()).tolist() == [[1, -2]]
    assert as_array(torch.tensor([1 + 2j]).conj()).tolist() == [1 - 2j]


def test_python_floats_take_the_dtype_of_the_input():
    assert as_array([[0.1, 0.2]], "float32").dtype == np.float32
    assert as_array(np.array([0.1]), "float32").dtype == np.float64
    assert as_array([1, 2], "float32").dtype == np.int64
