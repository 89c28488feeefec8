"""Operators of a serialized ``ModelProto``, with its subgraphs and functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.graphs.nodes import list_subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

__all__ = ["STANDARD", "Operator", "count_operators", "count_random", "parse_model"]

STANDARD = ("ai.onnx", "ai.onnx.ml")
"""Domains that the ONNX specification defines; the first is also written as an empty name."""

RANDOM = (
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
"""Operators of ONNX that always draw random numbers."""

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


def count_random(model: ModelProto) -> Counter[str]:
    """Count the nodes that draw random numbers, by operator; Dropout does so in training mode."""
    bodies = [model.graph, *model.functions]
    false = {name for body in bodies for name in _list_false(body)}
    return Counter(
        node.op_type
        for body in bodies
        for node in _walk(body)
        if node.op_type in RANDOM
        or (node.op_type == "Dropout" and {*node.input[2:]} - {*false, ""})
    )


def _list_false(body: GraphProto | FunctionProto) -> Iterator[str]:
    """Yield the constants of a graph or function that are a single zero or false."""
    from onnx import numpy_helper

    tensors = [*getattr(body, "initializer", ())]
    names = [tensor.name for tensor in tensors]
    for node in body.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            tensors.append(node.attribute[0].t)
            names.append(node.output[0])
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.data_type == tensor.BOOL and not numpy_helper.to_array(tensor).any():
            yield name


def _walk(body: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    """Yield the nodes of a graph or function and of all subgraphs in it."""
    for node in body.node:
        yield node
        for inner in list_subgraphs(node):
            yield from _walk(inner)
