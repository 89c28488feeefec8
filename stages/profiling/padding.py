"""Padding of an ONNX model: bytes of its files that no output of the graph needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.graphs.nodes import (
    inline_functions,
    iterate_captured,
    list_subgraphs,
    read_model,
    walk_graphs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import GraphProto, NodeProto, TensorProto

    from prunepack.stages.contract.outputs import OnnxModel

__all__ = ["check_padding"]

MOST_TIMES, TEXT, NODE_TEXT = 2, 1 << 16, 1 << 12
"""Size of an ONNX model, in sizes of what its outputs need, and bytes of text that a model and a
node may have beside it; torch describes each node with its place in the source."""


def check_padding(dense_onnx: OnnxModel) -> None:
    """Refuse a dense ONNX model that consists mostly of what its outputs do not need.

    That is tensors that no node reads, nodes that lead to no output, and text.

    Raises:
        RefusedError: If the ratio of sizes would say nothing about pruning.
    """
    size = dense_onnx.size
    if size > TEXT and size > (most := MOST_TIMES * _count_needed_bytes(dense_onnx) + TEXT):
        raise RefusedError(
            "the dense ONNX model is padded: its outputs need less than half of its bytes",
            expected=f"at most {most:,} bytes",
            found=f"{size:,} bytes",
            hint="Remove the tensors, nodes and text that no output needs",
        )


def _count_needed_bytes(onnx: OnnxModel) -> int:
    """Count the bytes of tensors and nodes that the outputs of a model need."""
    model = inline_functions(read_model(onnx.model))
    nodes = list(_find_needed_nodes(model.graph))
    inner = [graph for node in nodes for one in list_subgraphs(node) for graph in walk_graphs(one)]
    read = {name for node in nodes for name in (*node.input, *iterate_captured(node))}
    read |= {value.name for value in model.graph.output}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in read]
    tensors += [tensor for graph in inner for tensor in graph.initializer]
    return sum(map(_count_node, nodes)) + sum(map(_count_tensor, tensors))


def _find_needed_nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield the nodes of a graph that lead to an output, from the last to the first."""
    needed = {value.name for value in graph.output}
    for node in reversed(graph.node):  # the specification wants them sorted
        if needed & {*node.output}:
            needed.update(node.input, iterate_captured(node))
            yield node


def _count_node(node: NodeProto) -> int:
    """Count the bytes of a node, with its attributes and a little text."""
    text = len(node.doc_string) + sum(entry.ByteSize() for entry in node.metadata_props)
    return int(node.ByteSize() - max(0, text - NODE_TEXT))


def _count_tensor(tensor: TensorProto) -> int:
    """Count the bytes of a tensor by its dimensions, wherever they are stored."""
    from onnx.helper import tensor_dtype_to_np_dtype

    return int(math.prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
