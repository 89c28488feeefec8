"""Requirements of an ONNX model on a runtime: opset, operators and their domains."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from prunepack.errors import RefusedError
from prunepack.io.regular_file import RegularFile
from prunepack.stages.metrics.limits import matches
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["count_refused", "graph_metrics", "graph_metrics_of"]

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


class _Model(Protocol):
    @property
    def graph(self) -> _Nodes: ...
    @property
    def functions(self) -> Iterable[_Function]: ...
    @property
    def opset_import(self) -> Iterable[_Opset]: ...


def graph_metrics(model: Path) -> Metrics:
    """Return :func:`graph_metrics_of` of an ONNX file, without reading its external data.

    Raises:
        RefusedError: If it is not an ONNX model.
        UsageError: If it cannot be read.
    """
    with RegularFile(str(model)).map_memory() as data:
        return graph_metrics_of(bytes(data))


def graph_metrics_of(model: bytes) -> Metrics:
    """Return the requirements of a serialized ``ModelProto``, with its subgraphs and functions.

    ``graph.opset`` is the version of the standard operators, ``graph.nodes`` counts all nodes,
    ``graph.operator.NAME`` those of one operator and ``graph.domain.NAME`` those of a domain that
    ONNX does not define. A call of a function in the model does not count; its body does.

    Raises:
        RefusedError: If it is not a ``ModelProto`` with a graph.
    """
    proto = _parse(model)
    operators, domains = _count_operators(proto), Counter[str]()
    for (domain, _), count in operators.items():
        domains[domain] += count if domain not in STANDARD else 0
    opsets = {opset.domain or STANDARD[0]: opset.version for opset in proto.opset_import}
    return {
        "graph.opset": Metric(opsets.get(STANDARD[0], 0)),
        "graph.nodes": Metric(operators.total(), "nodes"),
        **{
            f"graph.operator.{_qualify(operator)}": Metric(count, "nodes")
            for operator, count in sorted(operators.items())
        },
        **{
            f"graph.domain.{name}": Metric(count, "nodes")
            for name, count in sorted(domains.items())
            if count
        },
    }


def count_refused(metrics: Metrics, operators: Iterable[str], domains: Iterable[str]) -> Metrics:
    """Count the operators and domains in ``metrics`` that are not allowed.

    Args:
        metrics: The result of :func:`graph_metrics`; without it nothing is counted.
        operators: Globs over the allowed operators; none allows all.
        domains: Globs over the allowed domains beside those of ONNX.
    """
    if "graph.nodes" not in metrics:
        return {}
    allowed = {"operator": tuple(operators) or ("*",), "domain": tuple(domains)}
    counts: Metrics = {}
    for kind, globs in allowed.items():
        prefix = f"graph.{kind}."
        names = [name.removeprefix(prefix) for name in metrics if name.startswith(prefix)]
        refused = sorted(name for name in names if not matches(name, globs))
        counts[f"graph.refused_{kind}s"] = Metric(len(refused), f"{kind}s", note=", ".join(refused))
    return counts


def _parse(model: bytes) -> _Model:
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
    parsed: _Model = proto
    return parsed


def _count_operators(model: _Model) -> Counter[Operator]:
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


def _qualify(operator: Operator) -> str:
    domain, name = operator
    return name if domain == STANDARD[0] else f"{domain}.{name}"
