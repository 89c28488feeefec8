"""Faults of what an exported graph takes and gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tests.faults.graphs import change, insert, maker
from tests.faults.planting import BEYOND, UNMATCHED, graph_fault

__all__ = ["FAULTS"]


def _renamed(model: Any) -> None:
    insert(model, "output_1", ("Identity", [], {}))
    maker(model, "output_1").output[0] = "levels"
    model.graph.output[1].name = "levels"


def _missing(model: Any) -> None:
    del model.graph.output[1]
    model.graph.node.remove(maker(model, "output_1"))


def _extra(model: Any) -> None:
    model.graph.output.append(
        helper.make_tensor_value_info("layer_norm", TensorProto.FLOAT, ["batch", 8])
    )


def _outputs_swapped(model: Any) -> None:
    names = {"output_0": "output_1", "output_1": "output_0"}
    for node in model.graph.node:
        node.output[:] = [names.get(one, one) for one in node.output]


def _other_dtype(model: Any) -> None:
    insert(model, "output", ("Cast", [], {"to": TensorProto.DOUBLE}))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def _batch_last(model: Any) -> None:
    insert(model, "output_1", ("Transpose", [], {"perm": [1, 0]}))
    shape = model.graph.output[1].type.tensor_type.shape.dim
    shape[0].dim_value, shape[1].dim_param = 8, "batch"


def _batch_of_two(model: Any) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    del model.graph.value_info[:]


def _batch_in_reshape(model: Any) -> None:
    change(model, maker(model, "view").input[1], lambda _: np.array([2, 400]))


def _other_input_dtype(model: Any) -> None:
    insert(model, "input", ("Cast", [], {"to": TensorProto.FLOAT}))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def _input_renamed(model: Any) -> None:
    model.graph.input[0].name = "x"
    node = model.graph.node[0]
    node.input[:] = ["x" if name == "input" else name for name in node.input]


def _inputs_swapped(model: Any) -> None:
    names = {"x": "y", "y": "x"}
    for node in model.graph.node:
        node.input[:] = [names.get(one, one) for one in node.input]


FAULTS = (
    graph_fault("an output renamed", "heads", _renamed, UNMATCHED + "levels is extra"),
    graph_fault("an output missing", "heads", _missing, UNMATCHED + "output_1 is missing"),
    graph_fault("an output too many", "heads", _extra, UNMATCHED + "layer_norm is extra"),
    graph_fault("two outputs of one shape swapped", "heads", _outputs_swapped, BEYOND + "output_0"),
    graph_fault("an output of another dtype", "lenet", _other_dtype, UNMATCHED + "float64"),
    graph_fault("the batch on an output's last axis", "heads", _batch_last, UNMATCHED + "output_1"),
    graph_fault("a batch of two declared", "lenet", _batch_of_two, "invalid dimensions.*input", 4),
    graph_fault("a batch of two baked into a Reshape", "lenet", _batch_in_reshape, "node_view", 4),
    graph_fault("an input of another dtype", "lenet", _other_input_dtype, "input data type", 4),
    graph_fault("an input renamed", "lenet", _input_renamed, r"inputs \(\['x'\]\) are missing", 4),
    graph_fault("two inputs of one shape swapped", "mixed", _inputs_swapped),
)
