"""What a runtime has to know to run an ONNX model: its opset, its operators, their domains."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.regular_file import RegularFile
from prunepack.model_files.protobuf import BYTES, VARINT, fields, signed
from prunepack.stages.metrics.limits import matches
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from prunepack.model_files.protobuf import Field

__all__ = ["count_refused", "graph_metrics", "graph_metrics_of"]

STANDARD = ("ai.onnx", "ai.onnx.ml")
"""Domains that the ONNX specification defines; the first is also written as an empty name."""

GRAPH, OPSET, FUNCTION = 7, 8, 25
CHILDREN = {
    "graph": {1: "node"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {6: "graph", 11: "graph"},
}
NODE_OP, NODE_DOMAIN = 4, 7
FUNCTION_NAME, FUNCTION_DOMAIN = 1, 10
OPSET_DOMAIN, OPSET_VERSION = 1, 2
"""Field numbers of ``onnx.proto`` (ONNX IR, versions 3 to 13)."""

Operator = tuple[str, str]
"""Domain and name."""


@dataclass(slots=True)
class _Found:
    opsets: dict[str, int] = field(default_factory=dict)
    functions: set[Operator] = field(default_factory=set)
    nodes: Counter[Operator] = field(default_factory=Counter)


def graph_metrics(model: Path) -> Metrics:
    """Return :func:`graph_metrics_of` of an ONNX file; nothing of its weights is read.

    Raises:
        RefusedError: If it is not an ONNX model.
        UsageError: If it cannot be read.
    """
    with RegularFile(str(model)).mapped() as data:
        return graph_metrics_of(data)


def graph_metrics_of(model: memoryview) -> Metrics:
    """Return what the bytes of a ``ModelProto`` ask of a runtime, subgraphs and functions included.

    ``graph.opset`` is the version of the standard operators, ``graph.nodes`` counts all nodes,
    ``graph.operator.NAME`` those of one operator and ``graph.domain.NAME`` those of a domain that
    ONNX does not define. A call of a function that the model itself holds is neither: its body is
    counted instead.

    Raises:
        RefusedError: If they are no ``ModelProto`` with a graph.
    """
    found = _read(model)
    operators = {one: count for one, count in found.nodes.items() if one not in found.functions}
    custom: Counter[str] = Counter()
    for (domain, _), count in operators.items():
        custom[domain] += count if domain not in STANDARD else 0
    return {
        "graph.opset": Metric(found.opsets.get(STANDARD[0], 0)),
        "graph.nodes": Metric(sum(operators.values()), "nodes"),
        **{
            f"graph.operator.{_name(one)}": Metric(count, "nodes")
            for one, count in sorted(operators.items())
        },
        **{
            f"graph.domain.{name}": Metric(count, "nodes")
            for name, count in sorted(custom.items())
            if count
        },
    }


def count_refused(metrics: Metrics, operators: Iterable[str], domains: Iterable[str]) -> Metrics:
    """Count the operators and domains in ``metrics`` that are not allowed.

    Args:
        metrics: Figures of :func:`graph_metrics`; without them there is nothing to count.
        operators: Globs over the operators that are allowed; none means all.
        domains: Globs over the domains that are allowed beside those of ONNX.
    """
    if "graph.nodes" not in metrics:
        return {}
    allowed = tuple(operators) or ("*",)
    counts = {"operator": allowed, "domain": tuple(domains)}
    found: Metrics = {}
    for kind, globs in counts.items():
        prefix = f"graph.{kind}."
        names = [name.removeprefix(prefix) for name in metrics if name.startswith(prefix)]
        refused = [name for name in names if not matches(name, globs)]
        found[f"graph.refused_{kind}s"] = Metric(
            len(refused), f"{kind}s", note=", ".join(sorted(refused))
        )
    return found


def _name(operator: Operator) -> str:
    domain, name = operator
    return name if domain == STANDARD[0] else f"{domain}.{name}"


def _read(model: memoryview) -> _Found:
    found = _Found()
    todo: list[tuple[str, Field]] = []
    for item in fields(model, 0, len(model)):
        if item.wire == BYTES and item.number in {GRAPH, FUNCTION}:
            todo.append(("graph" if item.number == GRAPH else "function", item))
        elif item.wire == BYTES and item.number == OPSET:
            (domain,) = _texts(model, item, OPSET_DOMAIN)
            found.opsets[domain or STANDARD[0]] = _version(model, item)
    if not any(kind == "graph" for kind, _ in todo):
        raise RefusedError(
            "not an ONNX model", expected="a graph", found=f"{len(model)} bytes without one"
        )
    while todo:
        kind, item = todo.pop()
        todo.extend(_children(model, kind, item, found))
    return found


def _children(
    model: memoryview, kind: str, where: Field, found: _Found
) -> Iterator[tuple[str, Field]]:
    """Note what a message says and yield the messages in it that can hold nodes."""
    if kind == "node":
        found.nodes[_operator(_texts(model, where, NODE_DOMAIN, NODE_OP))] += 1
    elif kind == "function":
        found.functions.add(_operator(_texts(model, where, FUNCTION_DOMAIN, FUNCTION_NAME)))
    children = CHILDREN[kind]
    for item in fields(model, where.start, where.stop):
        if item.wire == BYTES and item.number in children:
            yield children[item.number], item


def _operator(texts: list[str]) -> Operator:
    domain, name = texts
    return domain or STANDARD[0], name


def _texts(model: memoryview, where: Field, *numbers: int) -> list[str]:
    """Return the fields of a message with these numbers as text; empty where there is none."""
    found = {
        item.number: str(model[item.start : item.stop], "utf-8", "replace")
        for item in fields(model, where.start, where.stop)
        if item.wire == BYTES and item.number in numbers
    }
    return [found.get(number, "") for number in numbers]


def _version(model: memoryview, where: Field) -> int:
    numbers = fields(model, where.start, where.stop)
    return next(
        (signed(n.value) for n in numbers if n.number == OPSET_VERSION and n.wire == VARINT), 0
    )
