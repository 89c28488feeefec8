"""Nodes of an ONNX model, with those of its subgraphs and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = [
    "get_attribute",
    "inline_functions",
    "iterate_captured",
    "list_constants",
    "list_subgraphs",
    "read_model",
    "walk_graphs",
]

MOST_BYTES = 1024
"""Size of the tensors whose values are kept when functions are written out."""


def read_model(path: Path) -> ModelProto:
    """Read an ONNX file without its external data.

    Raises:
        RefusedError: If it is not an ONNX model with outputs.
    """
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, OSError, UnicodeDecodeError) as error:
        raise _refuse(f"`{path}` cannot be read", "an ONNX model", str(error)) from None
    if not model.graph.output:
        count = f"{len(model.graph.node)} nodes"
        raise _refuse(f"`{path}` has no outputs", "an ONNX model with outputs", count)
    return model


def _refuse(what: str, expected: str, found: str) -> RefusedError:
    hint = "Give the .onnx file that an exporter wrote"
    return RefusedError(what, expected=expected, found=found, hint=hint)


def inline_functions(model: ModelProto) -> ModelProto:
    """Return a model whose functions are written out, without the values of large tensors."""
    import onnx
    from onnx.inliner import inline_local_functions

    if not model.functions:
        return model
    outline = onnx.ModelProto()
    outline.CopyFrom(model)
    for graph in walk_graphs(outline.graph):
        for tensor in graph.initializer:
            if len(tensor.raw_data) > MOST_BYTES:
                tensor.ClearField("raw_data")
    inlined: ModelProto = inline_local_functions(outline)
    return inlined


def walk_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and all subgraphs in its nodes."""
    yield graph
    for node in graph.node:
        for inner in list_subgraphs(node):
            yield from walk_graphs(inner)


def list_subgraphs(node: NodeProto) -> list[GraphProto]:
    """Return the graphs in the attributes of a node."""
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return [*graphs, *(inner for attribute in node.attribute for inner in attribute.graphs)]


def iterate_captured(proto: NodeProto) -> Iterator[str]:
    """Yield the names that subgraphs of a node read and do not define."""
    for attribute in proto.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _iterate_free_names(graph)


def _iterate_free_names(graph: GraphProto) -> Iterator[str]:
    defined = {value.name for value in (*graph.input, *graph.initializer)} | {""}
    for node in graph.node:
        reads = (*node.input, *iterate_captured(node))
        yield from (name for name in reads if name not in defined)
        defined.update(node.output)
    yield from (value.name for value in graph.output if value.name not in defined)


def list_constants(graph: GraphProto) -> dict[str, TensorProto]:
    """Return initializers and values of ``Constant`` nodes, by name."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and (value := _get_constant(node)) is not None:
            constants[node.output[0]] = value
    return constants


def _get_constant(node: NodeProto) -> TensorProto | None:
    """Return the value of a ``Constant`` node, if it is of numbers."""
    import numpy as np
    from onnx import numpy_helper

    for name, dtype in (("float", np.float32), ("int", np.int64)):
        for value in (get_attribute(node, f"value_{name}"), get_attribute(node, f"value_{name}s")):
            if value is not None:
                return numpy_helper.from_array(np.asarray(value, dtype), node.output[0])
    tensor: TensorProto | None = get_attribute(node, "value")
    return tensor


def get_attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """Return the value of an attribute; ``default`` where the node does not have it."""
    from onnx import helper

    for attribute in node.attribute:
        if attribute.name == name:
            return attribute.t if attribute.HasField("t") else helper.get_attribute_value(attribute)
    return default
