"""Operators of a serialized ``ModelProto``, with its subgraphs and functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.graphs.nodes import list_subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

__all__ = ["STANDARD", "Operator", "count_operators", "parse_model"]

STANDARD = ("ai.onnx", "ai.onnx.ml")
"""Domains that the ONNX specification defines; the first is also written as an empty name."""

Operator = tuple[str, str]
"""Domain and name."""


def parse_model(model: bytes) -> ModelProto:
    """Parse a serialized ``ModelProto``.

    Raises:
        RefusedError: If it is not a ``ModelProto`` with a graph.
    """
    import onnx
    from google.protobuf.message import DecodeError

    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(model)
    except (DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(
            "not a protobuf message", expected="an ONNX model", found=str(error)
        ) from None
    if not proto.HasField("graph"):
        raise RefusedError(
            "not an ONNX model", expected="a graph", found=f"{len(model)} bytes without one"
        )
    return proto


def count_operators(model: ModelProto) -> Counter[Operator]:
    """Count the nodes by operator; the body of a function counts, its calls do not."""
    functions = {(function.domain or STANDARD[0], function.name) for function in model.functions}
    nodes = [node for body in (model.graph, *model.functions) for node in _walk(body)]
    counts = Counter((node.domain or STANDARD[0], node.op_type) for node in nodes)
    return Counter({name: count for name, count in counts.items() if name not in functions})


def _walk(body: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    """Yield the nodes of a graph or function and of all subgraphs in it."""
    for node in body.node:
        yield node
        for inner in list_subgraphs(node):
            yield from _walk(inner)
