"""Tensors of a few elements are read by name, however the model holds them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import prunepack
from prunepack.errors import UsageError

ARRAYS = {
    "bias": np.arange(16, dtype=np.float32),
    "scalar": np.array(3, np.int64),
    "empty": np.zeros((0, 4), np.float16),
    "flags": np.array([[True, False]]),
    "double": np.array([1.5, -0.0]),
    "bytes": np.array([200, 3], np.uint8),
    "negative": np.array([-5, 7], np.int8),
    "half": np.array([1, -2, 0.5], np.float16),
    "huge": np.array([2**64 - 1], np.uint64),
    "large": np.arange(100, dtype=np.float32),
}


def typed(name, array):
    """Return a tensor with its elements in typed fields instead of bytes."""
    code = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor(name, code, array.shape, array.ravel().tolist())


def save(path, make=lambda name, array: numpy_helper.from_array(array, name), **options):
    tensors = [make(name, array) for name, array in ARRAYS.items()]
    tensors += [numpy_helper.from_array(np.ones(2, np.float32), "twice")] * 2
    graph = helper.make_graph([], "g", [], [], tensors)
    onnx.save_model(helper.make_model(graph), path, **options)


def save_typed(path):
    save(path, typed)


def save_external(path):
    save(path, save_as_external_data=True, location="w.bin", size_threshold=0)


def save_checkpoint(path):
    save_file(ARRAYS, path)


@pytest.mark.parametrize("write", [save, save_typed, save_external, save_checkpoint])
def test_small_tensors(write, tmp_path):
    write(tmp_path / "m")
    prunepack.pack(tmp_path / "m", tmp_path / "m.prunepack")
    with prunepack.Artifact.open(tmp_path / "m.prunepack") as artifact:
        for name, array in ARRAYS.items():
            found = artifact.read_tensor(name)
            assert (found.dtype, found.shape) == (array.dtype, array.shape), name
            assert found.tobytes() == array.tobytes(), name
            found[...] = 1  # it belongs to the caller
        for name in ("twice", "none"):
            with pytest.raises(UsageError, match=f"no tensor `{name}` in"):
                artifact.read_tensor(name)


def test_types_that_numpy_lacks(tmp_path):
    tensors = [
        helper.make_tensor("bf16", TensorProto.BFLOAT16, [2], [1.0, -2.0]),
        helper.make_tensor("int4", TensorProto.INT4, [3], [-8, 7, 1]),
        helper.make_tensor("text", TensorProto.STRING, [1], [b"a"]),
    ]
    graph = helper.make_graph([], "g", [], [], tensors)
    onnx.save_model(helper.make_model(graph), tmp_path / "m.onnx")
    prunepack.pack(tmp_path / "m.onnx", tmp_path / "m.prunepack")
    with prunepack.Artifact.open(tmp_path / "m.prunepack") as artifact:
        assert artifact.read_tensor("bf16").tolist() == [0x3F80, 0xC000]
        assert artifact.read_tensor("int4").tolist() == [-8, 7, 1]
        with pytest.raises(UsageError, match="no tensor `text`"):
            artifact.read_tensor("text")
