"""Only what onnxruntime leaves alone is called a table."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.runtime.gather_tables import find_gather_tables

TABLE = numpy_helper.from_array(np.zeros((5, 4), np.float32), "table")
ROWS = numpy_helper.from_array(np.array([1, 2]), "rows")


def tables(*nodes, outputs=("y",), initializers=(TABLE, ROWS)):
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "g", [ids], ends, initializers)
    return find_gather_tables(memoryview(helper.make_model(graph).SerializeToString()))


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], **attributes)


LOOK_UP = node("Gather", "table ids", "y")


def test_an_embedding():
    assert tables(LOOK_UP) == {"table"}


def test_a_place_that_is_worked_out_from_an_input():
    assert tables(node("Add", "ids rows", "i"), node("Gather", "table i", "y")) == {"table"}


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Gather", "table rows", "y")],
        [node("Neg", "rows", "i"), node("Gather", "table i", "y")],
        [node("Shape", "ids", "i"), node("Gather", "table i", "y")],
        [node("Shape", "ids", "s"), node("Neg", "s", "i"), node("Gather", "table i", "y")],
        [LOOK_UP, node("Transpose", "table", "z")],
        [node("MatMul", "ids table", "y")],
        [node("Gather", "ids table", "y")],
        [LOOK_UP, node("Gather", "ids table", "z")],
        [node("Gather", "table ids", "y", domain="com.example")],
        [LOOK_UP, node("Anything", "ids", "z", domain="com.example")],
        [LOOK_UP, node("Loop", "ids ids ids", "z")],
    ],
    ids=lambda nodes: "-".join(f"{n.domain}{n.op_type}({','.join(n.input)})" for n in nodes),
)
def test_what_onnxruntime_may_read(nodes):
    assert tables(*nodes) == set()


def test_an_output_of_the_model():
    assert tables(LOOK_UP, outputs=("y", "table")) == set()
