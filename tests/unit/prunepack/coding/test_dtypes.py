"""Element types: how many bytes, and how they are handed out."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from prunepack.coding.dtypes import BY_ONNX_CODE, DTYPES


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_names_and_numbers_are_those_of_onnx(dtype):
    name = TensorProto.DataType.Name(dtype.onnx_code).lower()
    assert name == {"float32": "float", "float64": "double"}.get(dtype.name, dtype.name)
    assert BY_ONNX_CODE[dtype.onnx_code] is dtype
    assert dtype.packed * dtype.nbytes(1) * 8 // dtype.packed == 8 * dtype.itemsize


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("shape", [(7, 3), (2, 4), (), (0, 5)])
def test_tensors_are_handed_out_as_onnx_reads_them(dtype, shape):
    raw = np.random.default_rng(0).bytes(dtype.nbytes(int(np.prod(shape))))
    if dtype.name == "bool":
        raw = bytes(byte & 1 for byte in raw)
    found = dtype.to_array(np.frombuffer(raw, dtype.carrier), shape)
    tensor = onnx.TensorProto(data_type=dtype.onnx_code, dims=shape, raw_data=raw)
    theirs = numpy_helper.to_array(tensor)
    assert found.shape == theirs.shape
    if dtype.packed > 1 and dtype.name.startswith("float"):
        assert found.tolist() == theirs.view("u1").tolist()
    elif dtype.packed > 1:
        assert np.array_equal(found, theirs.astype(found.dtype))
    else:
        assert found.tobytes() == theirs.tobytes()
