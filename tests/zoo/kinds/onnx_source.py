"""ONNX file as the source: pruning happens on its initializers, torch is not needed"""

import numpy as np

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "net.onnx"

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def prepare(folder):
    import onnx
    from onnx import helper

    generator = np.random.default_rng(0)
    shapes = {"first.weight": (16, 8), "second.weight": (4, 16)}
    weights = {n: generator.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "first.weight"], ["hidden"], transB=1),
            helper.make_node("Relu", ["hidden"], ["active"]),
            helper.make_node("Gemm", ["active", "second.weight"], ["scores"], transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "net.onnx")


PASSES = Expectation(
    sparsity=50,
    inputs={"x": ["batch", 8]},
    outputs=["scores"],
    told=("torch stages skipped: the source is ONNX",),
)
