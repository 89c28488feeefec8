"""The graph of a session, as the execution provider describes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GraphDescription", "NodeDescription", "ValueDescription", "read_description"]


@dataclass(frozen=True, slots=True)
class ValueDescription:
    """A value of the graph.

    Attributes:
        kind: Number of the element type in ONNX; 0 if it is not a tensor.
        dims: Sizes, names or None; None as a whole if unknown. onnxruntime gives ``()`` to a tensor
            of unknown rank too.
        is_constant: Whether it is a constant initializer.
        numbers: Elements of a small constant of int32, int64 or float32, in row-major order.
    """

    kind: int
    dims: tuple[int | str | None, ...] | None
    is_constant: bool
    numbers: tuple[int | float | None, ...] | None


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """A node of the graph.

    Attributes:
        op: Its operator.
        domain: Domain of the operator; empty for ONNX itself.
        version: Opset in which this form of the operator appeared.
        has_subgraph: Whether it is control flow, such as ``If``.
        inputs: Names of its inputs; an omitted one is empty.
        outputs: Names of its outputs; an omitted one is empty.
        attributes: Its numbers, integers and strings; None for an attribute of another type.
    """

    op: str
    domain: str
    version: int
    has_subgraph: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GraphDescription:
    """A graph: names of its inputs and outputs, its nodes in topological order, and its values."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[NodeDescription, ...]
    values: Mapping[str, ValueDescription]


def read_description(text: bytes) -> GraphDescription:
    """Read the description that the execution provider wrote."""
    graph = json.loads(text.decode("utf-8", "surrogateescape"))
    return GraphDescription(
        tuple(graph["inputs"]),
        tuple(graph["outputs"]),
        tuple(_read_node(*row) for row in graph["nodes"]),
        {row[0]: _read_value(*row[1:]) for row in graph["values"]},
    )


def _read_node(
    op: str, domain: str, version: int, subgraph: int, inputs: Any, outputs: Any, attributes: Any
) -> NodeDescription:
    domain = "" if domain == "ai.onnx" else domain
    names = tuple(inputs), tuple(outputs)
    return NodeDescription(op, domain, version, bool(subgraph), *names, attributes)


def _read_value(kind: int, dims: Any, is_constant: bool, numbers: Any) -> ValueDescription:
    dims, numbers = (None if items is None else tuple(items) for items in (dims, numbers))
    return ValueDescription(kind, dims, is_constant, numbers)
