"""Integer inputs that decide the sizes of tensors, by the graph alone."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from prunepack.stages.inputs.tensor_sizes import find_graph_sizing_inputs
from tests.unit.stages.graphs.models import make_model, normal

INPUTS = {
    "n": (TensorProto.INT64, [1]),
    "ids": (TensorProto.INT64, ["batch"]),
    "x": (TensorProto.FLOAT, ["batch", 4]),
}
ONE, TABLE = np.array(1), normal(20, 4)
node = helper.make_node


def find(*nodes, bounded=()):
    weights = {"one": ONE, "ones": np.array([1]), "table": TABLE, "half": np.array(0.5)}
    read = {name for each in nodes for name in each.input}
    model = make_model(
        list(nodes), INPUTS, {"y": None}, {name: weights[name] for name in read & weights.keys()}
    )
    return find_graph_sizing_inputs(model, bounded)


COUNTED = (
    node("Cast", ["n"], ["float"], to=TensorProto.DOUBLE),
    node("Mul", ["float", "half"], ["scaled"]),
    node("Ceil", ["scaled"], ["rounded"]),
    node("Cast", ["rounded"], ["count"], to=TensorProto.INT64),
)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Expand", ["x", "n"], ["y"])],
        [node("ConstantOfShape", ["n"], ["y"])],
        [node("Squeeze", ["n"], ["s"]), node("Range", ["one", "s", "one"], ["y"])],
        [node("Concat", ["n", "ones"], ["sizes"], axis=0), node("Tile", ["x", "sizes"], ["y"])],
        [*COUNTED, node("Expand", ["x", "count"], ["y"])],
        [node("ReduceMax", ["n"], ["m"], keepdims=0), node("OneHot", ["ids", "m", "o"], ["y"])],
    ],
)
def test_sizes(nodes):
    assert find(*nodes) == {"n"}


def test_a_repetition_in_a_subgraph():
    body = helper.make_graph(
        [node("Expand", ["x", "inner"], ["result"])],
        "body",
        [],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, None)],
    )
    branch = node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    outer = [node("Identity", ["n"], ["inner"]), node("Equal", ["n", "ones"], ["c"])]
    assert find(*outer, branch) == {"n"}


def test_the_iterations_of_a_loop():
    values = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["c"], ["again"]), node("Identity", ["i"], ["row"])],
        "body",
        [values("i", TensorProto.INT64, []), values("c", TensorProto.BOOL, [])],
        [values("again", TensorProto.BOOL, []), values("row", TensorProto.INT64, [])],
    )
    loop = node("Loop", ["trips", ""], ["y"], body=body)
    assert find(node("Squeeze", ["n"], ["trips"]), loop) == {"n"}


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Gather", ["table", "n"], ["row"]), node("Reshape", ["x", "shape"], ["y"])],
        [node("Shape", ["n"], ["shape"]), node("Expand", ["x", "shape"], ["y"])],
        [node("Equal", ["n", "ones"], ["e"]), node("Where", ["e", "x", "x"], ["y"])],
        [node("Add", ["n", "ids"], ["y"])],
    ],
)
def test_values_that_decide_no_size(nodes):
    assert find(*nodes) == frozenset()


def test_an_input_that_is_bounded_elsewhere():
    assert find(node("Expand", ["x", "n"], ["y"]), bounded={"n": 20}) == frozenset()
