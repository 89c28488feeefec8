"""Operators of a serialized ``ModelProto``, with its subgraphs and functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


__all__ = ["STANDARD", "Model", "Operator", "count_operators", "parse_model"]


STANDARD = ("ai.onnx", "ai.onnx.ml")
"""Domains that the ONNX specification defines; the first is also written as an empty name."""


Operator = tuple[str, str]
"""Domain and name."""


class _Attribute(Protocol):
    @property
    def g(self) -> _Nodes: ...
    @property
    def graphs(self) -> Iterable[_Nodes]: ...


class _Node(Protocol):
    @property
    def domain(self) -> str: ...
    @property
    def op_type(self) -> str: ...
    @property
    def attribute(self) -> Iterable[_Attribute]: ...


class _Nodes(Protocol):
    """A graph or a function of ``onnx.proto``."""

    @property
    def node(self) -> Sequence[_Node]: ...


class _Function(_Nodes, Protocol):
    @property
    def domain(self) -> str: ...
    @property
    def name(self) -> str: ...


class _Opset(Protocol):
    @property
    def domain(self) -> str: ...
    @property
    def version(self) -> int: ...


class Model(Protocol):
    """A ``ModelProto`` of ``onnx.proto``."""

    @property
    def graph(self) -> _Nodes:
        """The main graph."""

    @property
    def functions(self) -> Iterable[_Function]:
        """The functions that nodes can call."""

    @property
    def opset_import(self) -> Iterable[_Opset]:
        """The versions of the operator sets."""


def parse_model(model: bytes) -> Model:
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
    parsed: Model = proto
    return parsed


def count_operators(model: Model) -> Counter[Operator]:
    """Count the nodes by operator; the body of a function counts, its calls do not."""
    functions = {
        (function.domain or STANDARD[0], function.name): function for function in model.functions
    }
    nodes = [node for body in (model.graph, *functions.values()) for node in _walk(body)]
    counts = Counter((node.domain or STANDARD[0], node.op_type) for node in nodes)
    return Counter({name: count for name, count in counts.items() if name not in functions})


def _walk(body: _Nodes) -> Iterator[_Node]:
    """Yield the nodes of a graph or function and of all subgraphs in it."""
    bodies = [body]
    while bodies:
        for node in bodies.pop().node:
            yield node
            for attribute in node.attribute:
                bodies += [attribute.g, *attribute.graphs]
