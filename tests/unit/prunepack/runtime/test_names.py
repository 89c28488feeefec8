"""Names that a model defines once and reads are those of plain weights."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

from prunepack.errors import RefusedError
from prunepack.runtime.names import find_names


def tensor(name):
    return numpy_helper.from_array(np.ones(2, np.float32), name)


def value(name):
    return helper.make_tensor_value_info(name, 1, [2])


def graph(*nodes, inputs=(), outputs=("y",), initializers=(), sparse=()):
    return helper.make_graph(
        nodes,
        "g",
        [value(name) for name in inputs],
        [value(name) for name in outputs],
        [tensor(name) for name in initializers],
        sparse_initializer=[
            helper.make_sparse_tensor(tensor(name), helper.make_tensor("at", 7, [2], [0, 1]), [2])
            for name in sparse
        ],
    )


def plain(main, *candidates, functions=()):
    model = helper.make_model(main, functions=functions)
    names = find_names(memoryview(model.SerializeToString()))
    return {name for name in candidates if names.is_plain(name)}


def branch(inner):
    return helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=graph())


def add(*inputs, output="y"):
    return helper.make_node("Add", inputs, [output])


def test_weights_that_are_read():
    assert plain(graph(add("x", "w"), initializers=["w", "v"]), "w", "v", "other") == {"w"}


def test_inputs_of_the_main_graph_may_repeat_weights():
    assert plain(graph(add("x", "w"), inputs=["x", "w"], initializers=["w"]), "w") == {"w"}


def test_outputs_of_graphs_are_read():
    main = graph(branch(graph(outputs=["v"])), outputs=["w"], initializers=["w", "v"])
    assert plain(main, "w", "v") == {"w", "v"}


def test_inner_graphs_read_outer_weights():
    inner = graph(add("x", "w"))
    assert plain(graph(branch(graph(branch(inner))), initializers=["w"]), "w") == {"w"}


@pytest.mark.parametrize(
    "inner",
    [
        graph(add("x", "w"), initializers=["w"]),
        graph(add("x", "w"), sparse=["w"]),
        graph(add("x", "w"), inputs=["w"]),
        graph(helper.make_node("Constant", [], ["w"], value_float=1.0), add("x", "w")),
        graph(branch(graph(add("x", "w"), initializers=["w"]))),
    ],
    ids=["initializer", "sparse", "input", "output of a node", "nested twice"],
)
def test_a_second_definition_in_an_inner_graph(inner):
    assert plain(graph(add("x", "w"), branch(inner), initializers=["w"]), "w") == set()


@pytest.mark.parametrize(
    "main",
    [
        graph(add("x", "w"), initializers=["w", "w"]),
        graph(add("x", "w"), initializers=["w"], sparse=["w"]),
        graph(add("x", "x", output="w"), add("x", "w"), initializers=["w"]),
    ],
    ids=["initializers", "sparse", "output of a node"],
)
def test_a_second_definition_in_the_same_graph(main):
    assert plain(main, "w") == set()


@pytest.mark.parametrize(
    "function",
    [
        helper.make_function("my", "F", ["w"], ["y"], [add("w", "w")], []),
        helper.make_function("my", "F", ["x"], ["y"], [add("x", "x", output="w")], []),
        helper.make_function(
            "my", "F", ["x"], ["y"], [branch(graph(add("x", "w"), initializers=["w"]))], []
        ),
    ],
    ids=["input", "output of a node", "inner graph"],
)
def test_a_second_definition_in_a_function(function):
    assert plain(graph(add("x", "w"), initializers=["w"]), "w", functions=[function]) == set()


def test_bytes_that_are_no_message():
    with pytest.raises(RefusedError, match="not a protobuf message"):
        find_names(memoryview(b"\x0f"))
