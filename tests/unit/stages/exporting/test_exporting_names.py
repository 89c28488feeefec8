"""Names of values in an exported graph: weights keep theirs, other values give way."""

import numpy as np
import onnx_ir as ir

from prunepack.stages.exporting.names import name_values


def test_a_value_gives_way_to_a_weight_of_its_name():
    image = ir.Input("image", ir.Shape([2, 3]), ir.TensorType(ir.DataType.FLOAT))
    weight = ir.Value(name="mean", const_value=ir.tensor(np.ones((2, 3), np.float32), name="mean"))
    less = ir.node("Sub", [image, weight])
    mean = ir.node("ReduceMean", [less.outputs[0]])
    last = ir.node("Neg", [mean.outputs[0]])
    mean.outputs[0].name = "mean"
    graph = ir.Graph(
        [image], [last.outputs[0]], nodes=[less, mean, last], initializers=[weight], name="model"
    )
    model = ir.Model(graph, ir_version=10)
    assert name_values(model, ["image"], ["answer"]) == ["answer"]
    assert weight.name == "mean"
    assert mean.outputs[0].name == "mean_value"
    assert last.outputs[0].name == "answer"
