"""Models that fix the size of the batch run on any number of samples."""

import numpy as np
import onnx
import pytest
from onnx import helper

from prunepack.stages.contract.progress import collect_remarks
from prunepack.stages.graphs.running import run_any_batch
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx
from prunepack.stages.measure import MeasureConfig, measure
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session
from prunepack.stages.verify import VerifyConfig, verify
from tests.unit.stages.graphs.models import make_model, normal


@pytest.fixture
def path(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    model = make_model([node], {"x": [4, 8]}, {"y": [4, 3]}, {"w": normal(8, 3)})
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.mark.parametrize("count", [1, 4, 7, 8])
def test_the_last_batch_is_filled_up(path, count):
    array = normal(count, 8, seed=count)
    found = run_any_batch(open_onnx_session(path, [CPU]), {"x": array})
    np.testing.assert_allclose(found["y"], array @ normal(8, 3), rtol=1e-5, atol=1e-5)


def test_it_is_verified_and_timed_with_its_own_batch(path, run):
    with collect_remarks() as remarks:
        model = run(load_onnx, LoadOnnxConfig(model=str(path)))
    assert "the batch of `net.onnx` is fixed at 4; export a dynamic axis for any other" in remarks
    parity = run(verify, VerifyConfig(provider="cpu"), model, None, model, None)
    assert parity.content["metrics"]["similarity.mean_cosine"]["value"] == 1
    quick = MeasureConfig(provider="cpu", repeats=10, rounds=5)
    measured = run(measure, quick, None, None, model, model, None)
    assert "latency.batch_4.ratio" in measured.content["metrics"]
