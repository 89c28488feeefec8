"""Node tests of ONNX: compaction leaves the results of every operator that has a rule."""

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from prunepack.stages.compacting.compaction import compact_model
from prunepack.stages.compacting.operators.table import RULES

LEAST = {"as it is": 250, "constant inputs": 200, "constant everything": 150}
"""Node tests that onnxruntime runs, of the operators with a rule."""


def load_tests():
    """Yield name, model and inputs of each node test of one node with a rule."""
    from onnx.backend.test.loader import load_model_tests

    for each in load_model_tests(kind="node"):
        nodes = each.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in RULES and each.data_sets:
            yield each.name, each.model, [read_array(given) for given in each.data_sets[0][0]]


def read_array(given):
    is_proto = isinstance(given, onnx.TensorProto)
    return np.asarray(numpy_helper.to_array(given) if is_proto else given)


def fix_inputs(model, inputs):
    """Turn all inputs but the first into initializers, and zero some channels of weights."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    given = list(fixed.graph.input)
    del fixed.graph.input[1:]
    for value, array in list(zip(given, inputs, strict=False))[1:]:
        values = np.array(array)
        if values.ndim > 1 and values.dtype.kind == "f":
            values[::2] = 0
        fixed.graph.initializer.append(numpy_helper.from_array(values, value.name))
    return fixed


def surround(model):
    """Multiply the first input by zero, so that all channels are constant."""
    graph = model.graph
    (value,), node = graph.input, graph.node[0]
    if value.type.tensor_type.elem_type != 1 or len(graph.output) != 1:
        return None
    scale = numpy_helper.from_array(np.zeros(1, np.float32), "prunepack_scale")
    for place, name in enumerate(node.input):
        if name == value.name:
            node.input[place] = "prunepack_scaled"
    graph.node.insert(0, helper.make_node("Mul", [value.name, scale.name], ["prunepack_scaled"]))
    graph.initializer.append(scale)
    return model


def change(form, model, inputs):
    """Return the model in a form, and its inputs."""
    if form == "as it is":
        return model, inputs
    fixed = fix_inputs(model, inputs)
    return (fixed if form == "constant inputs" else surround(fixed)), inputs[:1]


def run(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        names = [value.name for value in session.get_inputs()]
        return session.run(None, dict(zip(names, inputs, strict=False)))
    except Exception:  # noqa: BLE001 -- some node tests are beyond onnxruntime
        return None


@pytest.mark.slow
@pytest.mark.parametrize("form", LEAST)
def test_node_tests_give_the_same_results(form):
    counted = 0
    for name, model, inputs in load_tests():
        graph, feed = change(form, model, inputs)
        before = None if graph is None else run(graph, feed)
        if before is None:
            continue
        counted += 1
        compacted = onnx_ir.from_proto(graph)
        compact_model(compacted)
        after = run(onnx_ir.to_proto(compacted), feed)
        assert after is not None, name
        for first, second in zip(before, after, strict=True):
            np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-6, err_msg=name)
    assert counted >= LEAST[form]
