"""The pruned model on sparse kernels is timed beside the dense one, where a layer gains."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.sparse.native import native
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.profiling.model_pair import ModelPair, measure_sparse
from prunepack.stages.profiling.timing import Plan

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

QUICK = Plan(repeats=10, rounds=5, seconds=2)


def make_pair(folder, size, sparsity, providers=("CPUExecutionProvider",), has_dense=True):
    """Save a dense and a pruned model of two layers with square weights."""
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((2, size, size)).astype(np.float32)
    kept = generator.random(weights.shape) >= sparsity
    for name, values in (("dense", weights), ("pruned", weights * kept)):
        graph = helper.make_graph(
            [
                helper.make_node("Gemm", ["x", "a"], ["h"], "first"),
                helper.make_node("Relu", ["h"], ["r"]),
                helper.make_node("Gemm", ["r", "b"], ["y"], "second"),
            ],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", size])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", size])],
            [numpy_helper.from_array(v, k) for k, v in zip("ab", values, strict=True)],
        )
        opset = [helper.make_opsetid("", 20)]
        onnx.save(
            helper.make_model(graph, opset_imports=opset, ir_version=9), folder / f"{name}.onnx"
        )
    dense = folder / "dense.onnx" if has_dense else None
    inputs = (InputSpec(name="x", shape=(size,)),)
    return ModelPair(dense, folder / "pruned.onnx", tuple(providers), 1, inputs, 0)


def test_a_model_that_gains(tmp_path):
    metrics = measure_sparse(make_pair(tmp_path, 1024, 0.98), (1, 4), QUICK)
    assert metrics["runtime.sparse_layers"].value == 2
    for run in ("batch_1", "batch_4"):
        ratio = metrics[f"latency.sparse.{run}.ratio"]
        assert ratio.low <= ratio.value <= ratio.high
        times = [metrics[f"latency.sparse.{run}.{form}"].value for form in ("dense", "pruned")]
        assert min(times) > 0
    assert metrics["latency.sparse.session.pruned"].value > 0


def test_a_model_without_a_dense_one_has_times_only(tmp_path):
    pair = make_pair(tmp_path, 1024, 0.98, has_dense=False)
    metrics = measure_sparse(pair, (1,), QUICK)
    assert "latency.sparse.batch_1.pruned" in metrics
    assert not {name for name in metrics if "dense" in name or "ratio" in name}


@pytest.mark.parametrize(("size", "sparsity"), [(8, 0.9), (256, 0.0)])
def test_a_model_that_does_not_gain_is_not_timed(size, sparsity, tmp_path):
    metrics = measure_sparse(make_pair(tmp_path, size, sparsity), (1,), QUICK)
    assert {name: metric.value for name, metric in metrics.items()} == {"runtime.sparse_layers": 0}


def test_another_provider_has_no_sparse_kernels(tmp_path):
    pair = make_pair(tmp_path, 8, 0.9, ["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert measure_sparse(pair, (1,), QUICK) == {}
