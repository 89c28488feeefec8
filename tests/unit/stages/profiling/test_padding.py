"""Padding of a dense ONNX model, without masks that tell its size."""

import json
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import OnnxModel
from prunepack.stages.profiling.padding import check_padding

PADDING = np.random.default_rng(0).standard_normal(1 << 17).astype(np.float32)
FLOATS = (TensorProto.FLOAT, [2, 64])


def make_model():
    """Return a model of one layer: 64 kB of weights."""
    weight = numpy_helper.from_array(np.ones((64, 256), np.float32), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["y"], "layer")],
        "g",
        [helper.make_tensor_value_info("x", *FLOATS)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 256])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def save(model, folder, **options):
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx", **options)
    (folder / "interface.json").write_text(json.dumps({}))
    return OnnxModel(folder, "")


def add_initializer(model):
    model.graph.initializer.append(numpy_helper.from_array(PADDING, "padding"))


def add_node(model):
    add_initializer(model)
    model.graph.node.append(helper.make_node("Neg", ["padding"], ["unread"]))


def add_subgraph(model):
    add_initializer(model)
    inner = helper.make_graph(
        [helper.make_node("Neg", ["padding"], ["inner"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1 << 17])],
    )
    node = helper.make_node("If", ["c"], ["unread"], then_branch=inner, else_branch=inner)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    model.graph.node.append(node)


def add_doc_string(model):
    model.graph.node[0].doc_string = "x" * (1 << 19)


def add_metadata(model):
    model.metadata_props.add(key="history", value="x" * (1 << 19))


def add_function(model):
    """Add one that nothing calls, which onnxruntime keeps."""
    node = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(PADDING, "p"))
    opsets = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("own", "f", [], ["y"], [node], opsets))


@pytest.mark.parametrize(
    "pad",
    [add_initializer, add_node, add_subgraph, add_doc_string, add_metadata, add_function],
)
def test_padding_is_refused(pad, tmp_path):
    model = make_model()
    pad(model)
    padded = save(model, tmp_path / "onnx")
    with pytest.raises(RefusedError) as caught:
        check_padding(padded)
    assert re.fullmatch(
        "the dense ONNX model is padded: its outputs need less than half of its bytes: expected at "
        rf"most (19|20)\d,\d{{3}} bytes, found {padded.size:,} bytes. "
        "Remove the tensors, nodes and text that no output needs",
        str(caught.value),
    )


def test_padding_beside_the_model_is_refused(tmp_path):
    whole = save(make_model(), tmp_path / "onnx")
    (whole.path / "weights.bin").write_bytes(PADDING.tobytes())
    with pytest.raises(RefusedError, match="the dense ONNX model is padded"):
        check_padding(whole)


def explain_nodes(model):
    for node in model.graph.node:
        node.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="x" * 3000)


def capture(model):
    """Read the weight only in a subgraph, beside a large tensor of its own."""
    model.graph.node.pop()
    tensor = numpy_helper.from_array(PADDING.reshape(256, 512), "own")
    body = [
        helper.make_node("MatMul", ["x", "weight"], ["h"]),
        helper.make_node("MatMul", ["h", "own"], ["inner"]),
    ]
    output = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [2, 512])
    inner = helper.make_graph(body, "inner", [], [output], [tensor])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    model.graph.node.append(node)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 512


def add_constant(model):
    """Read a large tensor from a node."""
    value = numpy_helper.from_array(PADDING.reshape(256, 512), "own")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["own"], value=value))
    model.graph.node.append(helper.make_node("MatMul", ["y", "own"], ["z"]))
    model.graph.output[0].name = "z"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 512


@pytest.mark.parametrize("change", [lambda _: None, explain_nodes, capture, add_constant])
@pytest.mark.parametrize("external", [False, True])
def test_what_the_outputs_need_is_no_padding(change, external, tmp_path):
    model = make_model()
    change(model)
    onnx.checker.check_model(model, full_check=True)
    check_padding(save(model, tmp_path / "onnx", save_as_external_data=external, location="w"))
