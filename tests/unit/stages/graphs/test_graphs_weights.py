"""Weights of a graph: found by the nodes that read them, in torch's order of axes."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from prunepack.stages.graphs.weights import find_graph_weights
from tests.unit.stages.graphs.models import make_model, normal, two_layers


def axes(model):
    return {weight.name: weight.axes for weight in find_graph_weights(model)}


def single(node, weights, shape=("batch", 8)):
    return make_model([node], {"x": list(shape)}, {"y": None}, weights)


@pytest.mark.parametrize(
    ("node", "shape", "order"),
    [
        (helper.make_node("Gemm", ["x", "w"], ["y"]), (8, 4), (1, 0)),
        (helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), (4, 8), (0, 1)),
        (helper.make_node("Gemm", ["w", "x"], ["y"]), (4, 8), (0, 1)),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), (8, 4), (1, 0)),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), (2, 8, 4), (2, 1, 0)),
        (helper.make_node("MatMul", ["w", "x"], ["y"]), (4, 8), (0, 1)),
        (helper.make_node("Conv", ["x", "w"], ["y"]), (4, 8, 3), (0, 1, 2)),
        (helper.make_node("ConvTranspose", ["x", "w"], ["y"]), (8, 4, 3), (1, 0, 2)),
        (helper.make_node("LSTM", ["x", "w", "r"], ["y"]), (1, 16, 8), (1, 2, 0)),
        (helper.make_node("Gather", ["w", "x"], ["y"]), (100, 8), (0, 1)),
    ],
    ids=str,
)
def test_outputs_come_first_then_inputs(node, shape, order):
    assert axes(single(node, {"w": normal(*shape)})) == {"w": order}


def test_recurrent_weights_are_two():
    node = helper.make_node("GRU", ["x", "w", "r"], ["y"])
    found = axes(single(node, {"w": normal(1, 9, 8), "r": normal(1, 9, 3)}))
    assert found == {"w": (1, 2, 0)}


def test_a_weight_behind_a_transposition():
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("Cast", ["t"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "c"], ["y"]),
    ]
    model = make_model(nodes, {"x": ["batch", 8]}, {"y": None}, {"w": normal(4, 8)})
    assert axes(model) == {"w": (0, 1)}


def test_constants_of_branches_are_different_weights_of_one_name():
    def branch(seed):
        value = numpy_helper.from_array(normal(8, 4, seed=seed))
        nodes = [
            helper.make_node("Constant", [], ["w"], value=value),
            helper.make_node("MatMul", ["x", "w"], ["z"]),
        ]
        output = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
        return helper.make_graph(nodes, "branch", [], [output])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch(0), else_branch=branch(1))
    inputs = {"c": (TensorProto.BOOL, []), "x": ["batch", 8]}
    model = make_model([node], inputs, {"y": None}, {})
    assert axes(model) == {"w": (1, 0), "w_2": (1, 0)}
    for weight in find_graph_weights(model):
        weight.tensor.CopyFrom(numpy_helper.from_array(np.zeros((8, 4), np.float32)))
    for attribute in model.graph.node[0].attribute:
        assert not numpy_helper.to_array(attribute.g.node[0].attribute[0].t).any()


def test_weights_that_a_function_reads():
    body = helper.make_function(
        "own",
        "linear",
        ["a", "b"],
        ["c"],
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        [helper.make_opsetid("", 18)],
    )
    node = helper.make_node("linear", ["x", "w"], ["y"], domain="own")
    model = single(node, {"w": normal(8, 400)})
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("own", 1))
    assert axes(model) == {"w": (1, 0)}
    (weight,) = find_graph_weights(model)
    assert numpy_helper.to_array(weight.tensor).shape == (8, 400)


def test_names_of_layers():
    places = {
        weight.name: [(place.layer, place.parameter) for place in weight.places]
        for weight in find_graph_weights(two_layers())
    }
    assert places == {
        "first.weight": [("first", "weight")],
        "first.bias": [("first", "bias")],
        "second.weight.T": [("second", "weight")],
    }


def test_what_is_no_weight():
    nodes = [
        helper.make_node("Mul", ["x", "scale"], ["s"]),
        helper.make_node("Gather", ["table", "i"], ["g"]),
    ]
    weights = {"scale": normal(3, 8), "table": np.arange(12).reshape(3, 4)}
    inputs = {"x": ["batch", 8], "i": (TensorProto.INT64, ["batch"])}
    assert axes(make_model(nodes, inputs, {"s": None, "g": None}, weights)) == {}
