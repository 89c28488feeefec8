"""Fewer bits for weights: how far they move, and that the model still runs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.precision import quantize, to_float16, to_int8


def pruned(*shape):
    generator = np.random.default_rng(7)
    weights = generator.normal(size=shape).astype(np.float32)
    weights[generator.random(shape) < 0.5] = 0
    return weights


@pytest.mark.parametrize(("shape", "axis"), [((6, 4, 3, 3), 0), ((5, 8), 0), ((5, 8), 1)])
def test_no_weight_moves_by_more_than_half_a_step(shape, axis):
    weights = pruned(*shape) * 10
    levels, scales = quantize(weights, axis)
    steps = scales.reshape([-1 if index == axis else 1 for index in range(len(shape))])
    assert levels.dtype == np.int8
    assert scales.shape == (shape[axis],)
    assert np.abs(levels * steps - weights).max() <= steps.max() / 2 * (1 + 1e-5)
    assert (np.abs(levels * steps - weights) <= steps / 2 * (1 + 1e-5)).all()


def test_zeros_stay_zeros_and_the_largest_weight_is_127():
    weights = pruned(9, 20)
    levels, _ = quantize(weights, 0)
    assert not levels[weights == 0].any()
    assert (np.abs(levels.astype(int)).max(axis=1) == 127).all()


def test_a_channel_of_zeros():
    levels, scales = quantize(np.zeros((2, 3), np.float32), 0)
    np.testing.assert_array_equal(scales, [1, 1])
    assert not levels.any()


def model():
    """A convolution, then a MatMul whose output channels come last."""
    kernel, matrix = pruned(4, 1, 3, 3), pruned(4, 8)
    values = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.ones(4, np.float32), "bias"),
        numpy_helper.from_array(matrix, "matrix"),
        numpy_helper.from_array(np.array([0, 4], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("Conv", ["input", "kernel", "bias"], ["convolved"]),
        helper.make_node("Reshape", ["convolved", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 1, 3, 3]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 8]),
    ]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def run(proto):
    onnx.checker.check_model(proto, full_check=True)
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=providers)
    inputs = np.random.default_rng(1).normal(size=(3, 1, 3, 3)).astype(np.float32)
    return session.run(None, {"input": inputs})[0]


def stored(proto):
    return {one.name: numpy_helper.to_array(one) for one in proto.graph.initializer}


def test_int8_has_scales_along_output_channels():
    small = model()
    to_int8(small)
    arrays = stored(small)
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "kernel.q8": "int8",
        "kernel.scale": "float32",
        "bias": "float32",
        "matrix.q8": "int8",
        "matrix.scale": "float32",
        "shape": "int64",
    }
    assert arrays["kernel.scale"].shape == (4,)
    assert arrays["matrix.scale"].shape == (8,)
    np.testing.assert_allclose(run(small), run(model()), atol=0.2)


def test_float16_keeps_biases():
    small = model()
    to_float16(small)
    types = {name: array.dtype.name for name, array in stored(small).items()}
    expected = {"kernel.f16": "float16", "bias": "float32", "matrix.f16": "float16"}
    assert types == {**expected, "shape": "int64"}
    np.testing.assert_allclose(run(small), run(model()), atol=0.01)


def test_a_weight_beyond_float16():
    small = model()
    small.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((4, 1, 3, 3), 1e6, np.float32), "kernel")
    )
    with pytest.raises(FloatingPointError, match="overflow"):
        to_float16(small)
