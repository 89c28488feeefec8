"""Faults in places of the exported graph that no sample looks at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.faults.graphs import attribute, change, constant, insert, maker, values
from tests.faults.planting import CHANGED, graph_fault

if TYPE_CHECKING:
    from tests.faults.fault import Fault
    from tests.faults.planting import Edit

__all__ = ["FAULTS"]

UNEXPLAINED = r"parity\.graph\.unexplained_nodes <= 0, measured \d nodes .*"
UNACCOUNTED = r"parity\.weights\.unaccounted <= 0, measured 1 tensors .*"
INTERFACE = r"parity\.interface\.differences <= 0, measured \d .*"
INCONSISTENT = r"runtime\.inconsistent_values <= 0, measured \d+ values .*output"


def _fault(name: str, model: str, edit: Edit, says: str, code: int = 1) -> Fault:
    return replace(graph_fault(name, model, edit, says, code), found_by="others")


def _take(model: Any, name: str) -> Any:
    """Remove an initializer, and return its values."""
    array = values(model, name)
    model.graph.initializer.remove(next(t for t in model.graph.initializer if t.name == name))
    return array


def _make(model: Any, name: str, operator: str, inputs: list[str], **attributes: Any) -> None:
    """Let a node make the tensor that was an initializer."""
    model.graph.node.insert(0, helper.make_node(operator, inputs, [name], **attributes))


def _rows_zeroed(array: Any) -> Any:
    array[5:] = 0
    return array


def _renamed(model: Any) -> None:
    array = _take(model, "fc2.weight")
    array[83, 6] += 1e-3
    maker(model, "linear_1").input[1] = constant(model, array)


def _in_a_constant_node(model: Any) -> None:
    array = _take(model, "fc2.weight")
    array[83, 6] += 1e-3
    _make(model, "fc2.weight", "Constant", [], value=numpy_helper.from_array(array))


def _half_behind_a_cast(model: Any) -> None:
    array = _take(model, "fc2.weight")
    array[83, 6] += 0.25
    _make(model, "fc2.weight", "Cast", [constant(model, array, "float16")], to=TensorProto.FLOAT)


def _flat_behind_a_reshape(model: Any) -> None:
    array = _take(model, "fc2.weight")
    array[83] = 0
    flat, shape = constant(model, array.ravel()), constant(model, array.shape, "int64")
    _make(model, "fc2.weight", "Reshape", [flat, shape])


def _scattered(model: Any) -> None:
    rows = constant(model, np.zeros((1, 8)))
    node = next(node for node in model.graph.node if "table.weight" in node.input)
    node.input[0] = "scattered"
    inputs = ["table.weight", constant(model, [[15]], "int64"), rows]
    model.graph.node.insert(0, helper.make_node("ScatterND", inputs, ["scattered"]))


def _replaced(model: Any) -> None:
    change(model, "fc3.weight", lambda array: array + np.float32(1e-7))


def _clipped(model: Any) -> None:
    insert(model, "relu", ("Min", [constant(model, 1e4)], {}))


def _chosen(model: Any) -> None:
    """Answer with zeros for an image whose first logit is large."""
    limit, zero = constant(model, 1e4), constant(model, 0.0)
    insert(model, "output", ("Greater", [limit], {}), ("Where", [zero, None], {}))


def _modulo(model: Any) -> None:
    insert(model, "ids", ("Mod", [constant(model, 4096, "int64")], {}))


def _other_epsilon(model: Any) -> None:
    attribute(model, "layer_norm", "epsilon", 1.1e-5)


def _listed_in_another_order(ends: str) -> Edit:
    def reversed_ends(model: Any) -> None:
        listed = list(getattr(model.graph, ends))
        del getattr(model.graph, ends)[:]
        getattr(model.graph, ends).extend(reversed(listed))

    return reversed_ends


def _batch_of_one(model: Any) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]


def _declared_otherwise(model: Any) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 12
    del model.graph.value_info[:]


def _draw(operator: str, inputs: list[str], **attributes: Any) -> Edit:
    """Add small random numbers to the output."""

    def drawn(model: Any) -> None:
        insert(model, "output", ("Add", ["little"], {}))
        at = len(model.graph.node) - 1
        scale = constant(model, 1e-5)
        draw = helper.make_node(operator, inputs, ["drawn"], **attributes)
        steps = [helper.make_node("Mul", ["drawn", scale], ["little"])]
        model.graph.node.insert(at, steps[0])
        model.graph.node.insert(at, draw)
        model.graph.node.insert(at, helper.make_node("Sigmoid", ["output_before"], ["likely"]))

    return drawn


def _dropout(model: Any) -> None:
    """Drop some of a small part of the output."""
    ratio, part = constant(model, 0.5), constant(model, 1e-5)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "mode"))
    insert(
        model,
        "output",
        ("Mul", [part], {}),
        ("Dropout", [ratio, "mode"], {}),
        ("Add", [None], {}),
    )


FAULTS = (
    _fault(
        "most rows of a table zeroed",
        "mixed",
        lambda model: change(model, "table.weight", _rows_zeroed),
        CHANGED + r"\(table\.weight\[5, \d\]",
    ),
    _fault("a weight renamed and nudged", "lenet", _renamed, CHANGED + r"\(planted_\d+\[83, 6\]"),
    _fault(
        "a nudged weight in a Constant node",
        "lenet",
        _in_a_constant_node,
        CHANGED + r"\(fc2\.weight\[83, 6\]",
    ),
    _fault("a changed weight of half precision", "lenet", _half_behind_a_cast, CHANGED),
    _fault("a changed weight in another shape", "lenet", _flat_behind_a_reshape, UNACCOUNTED),
    _fault("a row of a table overwritten", "mixed", _scattered, UNEXPLAINED + "ScatterND"),
    _fault("every weight of a layer moved by 1e-7", "lenet", _replaced, CHANGED + r"\(fc3\.weight"),
    _fault("a clip that no sample reaches", "lenet", _clipped, UNEXPLAINED + "Min"),
    _fault("zeros where a logit is large", "lenet", _chosen, UNEXPLAINED + "Greater"),
    _fault("indices modulo a large number", "mixed", _modulo, UNEXPLAINED + "Mod"),
    _fault(
        "another epsilon of LayerNorm", "heads", _other_epsilon, UNEXPLAINED + r"epsilon is \S+"
    ),
    _fault(
        "outputs listed in another order",
        "heads",
        _listed_in_another_order("output"),
        INTERFACE + "output 0 is `output_1`, not `output_0`",
    ),
    _fault(
        "inputs listed in another order",
        "mixed",
        _listed_in_another_order("input"),
        INTERFACE + "input 0 is `y`, not `ids`",
    ),
    _fault(
        "the batch fixed at one",
        "lenet",
        _batch_of_one,
        INTERFACE + r"axes \[1, 1, 28, 28\], not \[batch",
    ),
    _fault(
        "a declared shape that the output does not have",
        "lenet",
        _declared_otherwise,
        INTERFACE + r"axes \[batch, 12\], not \[batch, 10\]",
    ),
    _fault(
        "random numbers with a seed",
        "lenet",
        _draw("RandomNormal", [], shape=[1, 10], seed=1.0),
        INCONSISTENT,
    ),
    _fault(
        "random numbers without a seed",
        "lenet",
        _draw("RandomUniformLike", ["output_before"], low=-1.0),
        INCONSISTENT,
    ),
    _fault(
        "a draw of zeros and ones",
        "lenet",
        _draw("Bernoulli", ["likely"]),
        f"({INCONSISTENT})|({UNEXPLAINED}likely)",  # two draws may be the same
    ),
    _fault("dropout in training mode", "lenet", _dropout, UNEXPLAINED + "Mul"),
)
