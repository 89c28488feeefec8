"""Sizes of the compared tools."""

import numpy as np
import onnx
import pytest
import zstandard
from onnx import helper, numpy_helper
from pcodec import standalone

from benchmarks.onnx_tensors import OnnxFile
from benchmarks.size_tools import SIZE_TOOLS, compress_bitmask, compress_dense


@pytest.fixture
def model(tmp_path):
    def make(**arrays):
        values = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        path = tmp_path / "model.onnx"
        path.write_bytes(
            helper.make_model(helper.make_graph([], "model", [], [], values)).SerializeToString()
        )
        return OnnxFile(path)

    return make


def pruned(dtype, count=10_000):
    generator = np.random.default_rng(3)
    weights = (generator.normal(size=count) * 40).astype(dtype)
    weights[generator.random(count) < 0.9] = 0
    return weights


def test_a_file_taken_apart(model):
    weights = pruned(np.float32).reshape(100, 100)
    file = model(weights=weights, none=np.zeros((0, 3), np.float32), one=np.array(5, np.int64))
    first, second = file.tensors
    np.testing.assert_array_equal(first, weights.ravel())
    np.testing.assert_array_equal(second, [5])
    assert len(file.rest) < 100
    assert len(onnx.load_from_string(file.rest).graph.initializer) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.int64])
def test_pcodec_is_lossless(dtype):
    weights = pruned(dtype)
    np.testing.assert_array_equal(standalone.simple_decompress(compress_dense(weights)), weights)


def test_bitmask_holds_all_that_is_needed():
    weights = pruned(np.float32)
    stored = compress_bitmask(weights)
    decoder = zstandard.ZstdDecompressor().decompressobj()
    mask = np.unpackbits(np.frombuffer(decoder.decompress(stored), np.uint8)).astype(bool)
    values = zstandard.ZstdDecompressor().decompress(decoder.unused_data)
    back = np.zeros_like(weights)
    back[mask[: weights.size]] = np.frombuffer(values, np.float32)
    np.testing.assert_array_equal(back, weights)


@pytest.mark.parametrize("name", SIZE_TOOLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_all_of_them_make_a_pruned_model_smaller(name, dtype, model):
    if name == "ZipNN":
        pytest.importorskip("zipnn")
    file = model(weights=pruned(dtype))
    assert 0.1 * len(file.data) < SIZE_TOOLS[name].size(file) < 0.7 * len(file.data)
    assert SIZE_TOOLS[name].tool().split()[-1][0].isdigit()


def test_a_tensor_that_does_not_shrink_counts_as_it_is(model):
    noise = np.frombuffer(np.random.default_rng(0).bytes(400), np.float32)
    file = model(noise=noise)
    rest = len(zstandard.ZstdCompressor(level=19).compress(file.rest))
    assert SIZE_TOOLS["bitmask + zstd -19"].size(file) == noise.nbytes + rest
