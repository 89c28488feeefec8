"""Models of the benchmarks: pruned as they say, exported once."""

import numpy as np
import onnx
import pytest
import torch

from benchmarks.models import CASES, Case, onnx_model
from benchmarks.onnx_tensors import OnnxFile
from prunepack.stages.models.builtin.crepe import Crepe


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path))


def weights_of(path):
    values = onnx.load(path).graph.initializer
    return [onnx.numpy_helper.to_array(one) for one in values if len(one.dims) > 1]


def test_every_case_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES) == 36
    assert Case("lenet", 0.95).name == "lenet-95-fp32"


def test_pruned_over_all_layers_made_once_and_stored_in_fewer_bits():
    path = onnx_model("lenet", 0.9)
    weights = weights_of(path)
    total = sum(one.size for one in weights)
    zeros = [int(np.sum(one == 0)) for one in weights]
    assert sum(zeros) == round(0.9 * total)
    shares = [count / one.size for count, one in zip(zeros, weights, strict=True)]
    assert max(shares) - min(shares) > 0.1
    assert not any(np.signbit(one[one == 0]).any() for one in weights)
    made = path.stat().st_mtime_ns
    for precision, dtype in (("fp16", np.float16), ("int8", np.int8)):
        stored = weights_of(onnx_model("lenet", 0.9, precision))
        assert {one.dtype for one in stored} == {np.dtype(dtype)}
        assert sum(int(np.sum(one == 0)) for one in stored) >= sum(zeros)
    assert path.stat().st_mtime_ns == made


def test_dense():
    (first, *_) = OnnxFile(onnx_model("lenet", 0)).tensors
    assert first.all()


def test_a_model_that_there_is_not():
    with pytest.raises(KeyError, match="alexnet"):
        onnx_model("alexnet")


def test_crepe_has_the_layers_of_its_paper():
    tiny = Crepe((128, 16, 16, 16, 32, 64)).eval()
    assert sum(parameter.numel() for parameter in tiny.parameters()) == 486_552
    with torch.inference_mode():
        pitch = tiny(torch.zeros(2, 1024))
    assert pitch.shape == (2, 360)
    assert 0 <= pitch.min() <= pitch.max() <= 1
