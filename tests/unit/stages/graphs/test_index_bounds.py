"""Bounds of integer inputs by the tables that a graph looks up."""

import numpy as np
from onnx import TensorProto, helper

from prunepack.stages.graphs.index_bounds import find_graph_index_sizes
from tests.unit.stages.graphs.models import make_model, normal

IDS = {"ids": (TensorProto.INT64, ["batch", 3]), "mask": (TensorProto.INT64, ["batch", 3])}


def sizes(nodes, weights):
    return find_graph_index_sizes(make_model(nodes, IDS, {"y": None}, weights))


def test_rows_of_the_smallest_table():
    nodes = [
        helper.make_node("Gather", ["large", "ids"], ["a"]),
        helper.make_node("Cast", ["ids"], ["cast"], to=TensorProto.INT32),
        helper.make_node("Gather", ["small", "cast"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    assert sizes(nodes, {"large": normal(50, 4), "small": normal(20, 4)}) == {"ids": 20}


def test_a_constant_that_is_added():
    nodes = [
        helper.make_node("Add", ["ids", "two"], ["shifted"]),
        helper.make_node("Gather", ["table", "shifted"], ["y"]),
    ]
    assert sizes(nodes, {"table": normal(20, 4), "two": np.array(2)}) == {"ids": 18}


def test_no_table():
    nodes = [
        helper.make_node("Add", ["ids", "mask"], ["sum"]),
        helper.make_node("Gather", ["table", "sum"], ["y"]),
    ]
    assert sizes(nodes, {"table": normal(20, 4)}) == {}
