"""Labels of the tensors of an ONNX model."""

import onnx
import pytest
from onnx import NodeProto, helper
from onnx_models import everywhere, graph, tensor

from prunepack.format.names import MAX_TENSOR_NAME_BYTES
from prunepack.model_files.onnx_names import TensorLabels
from prunepack.model_files.onnx_tensors import find_tensors


def labels_in(data):
    labels = TensorLabels(memoryview(data))
    return [labels.find(found.message) for found in find_tensors(memoryview(data))]


def labels(model):
    return labels_in(model.SerializeToString())


def test_labels_say_where_a_tensor_is():
    found = labels(everywhere())
    of_a_node = [
        "n.g.inner initializer",
        "n.gs.inner initializer",
        "n.s.values.indices",
        "n.s.values.values",
        "n.ss.values.indices",
        "n.ss.values.values",
        "n.t",
        "n.ts",
        "n.ts",
    ]
    others = [
        "f.t",
        "main",
        "training.algorithm.inner initializer",
        "training.initialization.inner initializer",
        "values.indices",
        "values.values",
    ]
    expected = [*of_a_node, *(f"f.{label}" for label in of_a_node), *others]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"name": "n", "output": ["o"], "op_type": "Constant"}, "n.value"),
        ({"output": ["o", "p"], "op_type": "Constant"}, "o.value"),
        ({"output": [""], "op_type": "Constant"}, "Constant.value"),
        ({}, "value"),
    ],
)
def test_a_node_is_called_by_what_it_has(fields, label):
    attribute = helper.make_attribute("value", tensor("of no interest"))
    (found,) = labels(helper.make_model(graph(nodes=[NodeProto(attribute=[attribute], **fields)])))
    assert found == label


def test_labels_do_not_grow_without_end():
    inner = graph(tensor("t"))
    for _ in range(20):
        attribute = onnx.AttributeProto(name="body" * 20, g=inner)
        inner = graph(nodes=[NodeProto(name="loop", attribute=[attribute])])
    (found,) = labels(helper.make_model(inner))
    assert len(found) == MAX_TENSOR_NAME_BYTES


def test_a_name_that_is_not_text_is_shown_as_far_as_it_is():
    data = helper.make_model(graph(tensor("bad!"))).SerializeToString().replace(b"bad!", b"bad\xff")
    assert labels_in(data) == ["bad\ufffd"]
