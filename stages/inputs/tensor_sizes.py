"""Inputs of an ONNX model whose values decide the sizes of tensors, such as lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.graphs.nodes import (
    inline_functions,
    iterate_captured,
    list_constants,
    list_subgraphs,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["find_graph_sizing_inputs"]

SIZES = {
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "BlackmanWindow": (0,),
    "Loop": (0,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Tile": (1,),
    "Upsample": (1,),
}
"""Inputs of operators whose values decide the size of an output or the number of iterations."""

COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
NEW_VALUES = (*COMPARISONS, "And", "Not", "Or", "Shape", "Size", "Xor")
"""Operators whose output does not grow with the values of their inputs."""


def find_graph_sizing_inputs(model: ModelProto, bounded: Collection[str] = ()) -> frozenset[str]:
    """Return the integer inputs from whose values the sizes of tensors are computed.

    Every operator passes the values of its inputs on, except comparisons, the shape of a tensor,
    and a look-up in a table of constants.

    Args:
        model: The model; the values of its tensors are not read.
        bounded: The inputs to leave out.
    """
    graph = inline_functions(model).graph
    weights = {tensor.name for tensor in graph.initializer}
    names = {value.name for value in graph.input if _is_integer(value.type.tensor_type.elem_type)}
    free = sorted(names - weights - {*bounded})
    return frozenset(name for name in free if _decides_sizes(graph, {name}))


def _is_integer(data_type: int) -> bool:
    from onnx.helper import tensor_dtype_to_np_dtype

    return data_type != 0 and tensor_dtype_to_np_dtype(data_type).kind in "iu"


def _decides_sizes(graph: GraphProto, names: set[str]) -> bool:
    """Return whether the values of ``names``, to which those computed from them are added, do."""
    constants = list_constants(graph)
    for node in graph.node:
        if any(name in names for name in _list_sizes(node)):
            return True
        subgraphs = list_subgraphs(node)
        read = {*node.input, *iterate_captured(node)} if subgraphs else {*_list_values(node)}
        if node.op_type == "Gather" and node.input[0] in constants:
            read = set()
        if read & names:
            names.update(node.output)
            for inner in subgraphs:
                names.update(value.name for value in inner.input)
                if _decides_sizes(inner, names):
                    return True
    return False


def _list_sizes(node: NodeProto) -> Iterator[str]:
    """Yield the names in the inputs of a node that decide sizes."""
    for place in SIZES.get(node.op_type, ()):
        if place < len(node.input) and node.input[place]:
            yield node.input[place]


def _list_values(node: NodeProto) -> Iterator[str]:
    """Yield the inputs of a node on whose values those of its outputs depend."""
    if node.op_type not in NEW_VALUES:
        yield from filter(None, node.input)
