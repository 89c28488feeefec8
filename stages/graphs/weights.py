"""Weights of an ONNX model: the constants that convolutions, products and look-ups read."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.contract.arrays import refuse_non_finite
from prunepack.stages.graphs.nodes import (
    get_attribute,
    inline_functions,
    list_constants,
    list_subgraphs,
    walk_graphs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

    from prunepack.stages.contract.arrays import Array

__all__ = ["GraphPlace", "GraphWeight", "check_finite_weights", "find_graph_weights"]

FLOATS = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")
"""Dtypes of weights that can be pruned; quantised weights stay as they are."""

WEIGHT_INPUTS = {
    "Conv": (1,),
    "FusedConv": (1,),
    "ConvTranspose": (1,),
    "Gemm": (1, 0),
    "FusedGemm": (1, 0),
    "MatMul": (1, 0),
    "FusedMatMul": (1, 0),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "RNN": (1, 2),
    "Gather": (0,),
    "Attention": (1,),
}
"""The inputs of an operator that may be weights, by position."""

BIAS_INPUTS = {"Conv": 2, "FusedConv": 2, "ConvTranspose": 2, "Gemm": 2, "FusedGemm": 2}
"""The input of an operator that may be a bias."""


@dataclass(frozen=True, slots=True)
class GraphPlace:
    """A name that a pruning rule may know a weight by."""

    layer: str
    parameter: str


@dataclass(frozen=True, slots=True, eq=False)
class GraphWeight:
    """A constant that is a weight or a bias.

    Attributes:
        name: The name of the constant.
        tensor: The constant, in the model that was searched.
        axes: The axes of the constant in torch's order: outputs, inputs, and the others.
        places: The layer and the parameter, as the rules of pruning name them.
    """

    name: str
    tensor: TensorProto
    axes: tuple[int, ...]
    places: tuple[GraphPlace, ...]

    def orient(self, array: Array) -> Array:
        """Return a view of the stored array with torch's order of axes."""
        return array.transpose(self.axes)


def find_graph_weights(model: ModelProto) -> list[GraphWeight]:
    """Return weights and biases in the order of the nodes that read them, each constant once.

    Two branches may have constants of one name; the later ones get a number.
    """
    searched = inline_functions(model)
    originals = list_constants(model.graph) if searched is not model else {}
    found: dict[int, GraphWeight] = {}
    for graph, constants in _walk_scopes(searched.graph, {}):
        tensors = {name: originals.get(name, tensor) for name, tensor in constants.items()}
        producers = {name: node for node in graph.node for name in node.output}
        for node in graph.node:
            for weight in _find_read(node, producers, tensors):
                found.setdefault(id(weight.tensor), weight)
    return _number_names(list(found.values()))


def check_finite_weights(model: ModelProto, weights: Sequence[GraphWeight], folder: Path) -> None:
    """Refuse NaN among the constants, and infinity among the weights; a mask may hold infinity.

    Args:
        model: The model.
        weights: Its weights, as :func:`find_graph_weights` returns them.
        folder: The folder of its external data.

    Raises:
        RefusedError: If a weight is not finite, or an array has NaN.
    """
    from onnx.numpy_helper import to_array

    for weight in weights:
        values = to_array(weight.tensor, str(folder))
        refuse_non_finite(weight.name, int(np.count_nonzero(~np.isfinite(values))))
    checked = {weight.name for weight in weights}
    for graph in walk_graphs(model.graph):
        for name, tensor in list_constants(graph).items():
            if name not in checked and math.prod(tensor.dims) > 1 and _is_float(tensor):
                values = to_array(tensor, str(folder))
                refuse_non_finite(name, int(np.count_nonzero(np.isnan(values))))


def _walk_scopes(
    graph: GraphProto, outer: Mapping[str, TensorProto]
) -> Iterator[tuple[GraphProto, Mapping[str, TensorProto]]]:
    """Yield a graph and its subgraphs, each with the constants that its nodes can read."""
    constants = {**outer, **list_constants(graph)}
    yield graph, constants
    for node in graph.node:
        for inner in list_subgraphs(node):
            yield from _walk_scopes(inner, constants)


def _number_names(weights: Sequence[GraphWeight]) -> list[GraphWeight]:
    counts: Counter[str] = Counter()
    numbered = []
    for weight in weights:
        counts[weight.name] += 1
        if counts[weight.name] > 1:
            name = f"{weight.name}_{counts[weight.name]}"
            places = tuple(_name_places(name)) if len(weight.axes) > 1 else weight.places
            numbered.append(replace(weight, name=name, places=places))
        else:
            numbered.append(weight)
    return numbered


def _find_read(
    node: NodeProto, producers: Mapping[str, NodeProto], tensors: Mapping[str, TensorProto]
) -> Iterator[GraphWeight]:
    """Yield the constants that ``node`` reads as its weights and its bias."""
    for index in WEIGHT_INPUTS.get(node.op_type, ()):
        name, axes = _trace_constant(node, index, producers, tensors)
        if name is not None and len(axes) >= 2 and _is_float(tensors[name]):
            outputs, inputs = _find_channels(node, index, len(axes))
            rest = [axis for axis in range(len(axes)) if axis not in {outputs, inputs}]
            order = tuple(axes[axis] for axis in (outputs, inputs, *rest))
            yield GraphWeight(name, tensors[name], order, tuple(_name_places(name)))
            break
    yield from _find_bias(node, tensors)


def _find_bias(node: NodeProto, tensors: Mapping[str, TensorProto]) -> Iterator[GraphWeight]:
    bias = BIAS_INPUTS.get(node.op_type, len(node.input))
    if bias < len(node.input) and node.input[bias] in tensors:
        name = node.input[bias]
        if len(tensors[name].dims) == 1 and _is_float(tensors[name]):
            layer = name.removesuffix(".bias")
            yield GraphWeight(name, tensors[name], (0,), (GraphPlace(layer, "bias"),))


def _trace_constant(
    node: NodeProto,
    index: int,
    producers: Mapping[str, NodeProto],
    tensors: Mapping[str, TensorProto],
) -> tuple[str | None, tuple[int, ...]]:
    """Return the constant behind an input, and its axis for each axis of the input."""
    name = node.input[index] if index < len(node.input) else ""
    orders = []
    while name in producers and producers[name].op_type in {"Identity", "Cast", "Transpose"}:
        producer = producers[name]
        if producer.op_type == "Transpose":
            orders.append(get_attribute(producer, "perm"))
        name = producer.input[0]
    if name not in tensors:
        return None, ()
    axes = tuple(range(len(tensors[name].dims)))
    for order in reversed(orders):
        axes = tuple(axes[axis] for axis in (order or range(len(axes) - 1, -1, -1)))
    return name, axes


def _find_channels(node: NodeProto, index: int, rank: int) -> tuple[int, int]:
    """Return the axes of the outputs and of the inputs that a weight connects."""
    operator = node.op_type
    if operator in {"LSTM", "GRU", "RNN"}:
        return 1, 2
    if operator == "Gather":
        return 0, 1
    if operator == "ConvTranspose":
        return 1, 0
    if operator in {"Conv", "FusedConv"}:
        return 0, 1
    flag = get_attribute(node, "transB" if index else "transA", 0)
    last_is_outputs = bool(index) != bool(flag)
    return (rank - 1, rank - 2) if last_is_outputs else (rank - 2, rank - 1)


def _name_places(name: str) -> Iterator[GraphPlace]:
    """Yield the places of a weight: exporters that keep torch's names say ``LAYER.weight``."""
    plain = name.removesuffix(".T")
    yield GraphPlace(plain.removesuffix(".weight"), "weight")
    layer, _, parameter = plain.rpartition(".")
    if layer and parameter != "weight":
        yield GraphPlace(layer, parameter)


def _is_float(tensor: TensorProto) -> bool:
    from onnx import TensorProto as Proto

    return Proto.DataType.Name(tensor.data_type) in FLOATS
