"""ONNX file whose initializers are pruned already, no [prune] table"""

import numpy as np

from tests.zoo.expectations import Expectation

GROUP = "pruning"
FAST = True
RECIPE = """
[load]
model = "net.onnx"
"""

PLAIN_TORCH = False


def prepare(folder):
    import onnx
    from onnx import helper

    weight = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    weight[:, ::2] = -0.0
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight"], ["scores"], transB=1)],
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "net.onnx")


PASSES = Expectation(
    sparsity=50,
    told=("zeros taken as masks in `weight` (50.0 %)", "not pruned further", "no dense reference"),
)
