"""Small ONNX models."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def make_model(nodes, inputs, outputs, weights, **settings):
    """Return a model; inputs and outputs are names with shapes, or with (type, shape)."""

    def value(name, kind):
        dtype, shape = kind if isinstance(kind, tuple) else (FLOAT, kind)
        return helper.make_tensor_value_info(name, dtype, shape)

    graph = helper.make_graph(
        nodes,
        "net",
        [value(*pair) for pair in inputs.items()],
        [value(*pair) for pair in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10, **settings)


def two_layers(scale=1.0, zeros=0.0):
    """Return x (batch, 8) → Gemm → Relu → MatMul → scores (batch, 4)."""
    first, second = normal(16, 8), normal(16, 4, seed=1)
    for array in (first, second):
        array.reshape(-1)[: int(zeros * array.size)] = -0.0
    nodes = [
        helper.make_node("Gemm", ["x", "first.weight", "first.bias"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "second.weight.T"], ["scores"]),
    ]
    weights = {
        "first.weight": first * np.float32(scale),
        "first.bias": normal(16, seed=2),
        "second.weight.T": second,
    }
    return make_model(nodes, {"x": ["batch", 8]}, {"scores": ["batch", 4]}, weights)
