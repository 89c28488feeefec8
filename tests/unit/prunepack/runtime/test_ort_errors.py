"""Exceptions of onnxruntime."""

import onnxruntime
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as state

from prunepack.runtime.ort_errors import collect_ort_errors


def test_all_of_its_own_are_among_them():
    errors = collect_ort_errors(onnxruntime)
    assert {state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile} <= set(errors)
    assert TypeError not in errors


def test_a_file_that_is_no_model_raises_one_of_them():
    with pytest.raises(collect_ort_errors(onnxruntime)):
        onnxruntime.InferenceSession(b"no model")
