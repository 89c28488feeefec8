"""Bounds of the integer inputs of an ONNX model: the rows of the tables that they index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.graphs.nodes import inline_functions, list_constants, walk_graphs

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["find_graph_index_sizes"]

SAME_VALUES = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operators whose output has the values of their first input."""


def find_graph_index_sizes(model: ModelProto) -> dict[str, int]:
    """Return the number of rows of the smallest table that each integer input indexes.

    An index that equals an input, or an input plus a constant, bounds the input. An input without
    a look-up, such as a mask, has no entry.
    """
    sizes: dict[str, int] = {}
    inlined = inline_functions(model)
    for graph in walk_graphs(inlined.graph):
        constants = list_constants(graph)
        producers = {name: node for node in graph.node for name in node.output}
        inputs = {value.name for value in inlined.graph.input}
        for node in graph.node:
            table = constants.get(node.input[0]) if node.op_type == "Gather" else None
            if table is None or not table.dims:
                continue
            name, offset = _trace_input(node.input[1], producers, constants)
            rows = table.dims[0] - offset
            if name in inputs and rows > 0:
                sizes[name] = min(sizes.get(name, rows), rows)
    return sizes


def _trace_input(
    name: str, producers: dict[str, NodeProto], constants: dict[str, TensorProto]
) -> tuple[str, int]:
    """Return the tensor whose values an index has, and the constant that is added to them."""
    from onnx import numpy_helper

    offset = 0
    while name in producers:
        node = producers[name]
        if node.op_type in SAME_VALUES:
            name = node.input[0]
        elif node.op_type == "Add":
            added = [other for other in node.input if other in constants]
            rest = [other for other in node.input if other not in constants]
            if len(added) != 1 or constants[added[0]].data_location:
                break
            values = numpy_helper.to_array(constants[added[0]])
            offset, name = offset + int(values.max(initial=0)), rest[0]
        else:
            break
    return name, offset
