"""Tables of ``Gather``, which onnxruntime uses in place when it optimises a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.model_files.onnx_fields import Graph, Model, Node, ValueInfo
from prunepack.model_files.protobuf import BYTES, fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.model_files.protobuf import Field

__all__ = [
    "STANDARD_DOMAINS",
    "SUBGRAPH_OPERATORS",
    "find_gather_tables",
    "find_parts",
    "read_texts",
]

SHAPE_OPERATORS = {b"Shape", b"Size"}
"""Operators whose output can be a constant although their input is not."""

SUBGRAPH_OPERATORS = {b"If", b"Loop", b"Scan", b"SequenceMap"}
STANDARD_DOMAINS = {b"", b"ai.onnx"}


def find_gather_tables(model: memoryview) -> set[str]:
    """Return the names of weights whose only use is as the table of ``Gather``, as in embeddings.

    onnxruntime reads other weights when it optimises a graph, or changes their layout. It leaves a
    table alone if the indices depend on an input of the model. A model may also use weights in
    subgraphs, in functions or in operators of other domains, which are not followed here; then no
    name is returned.
    """
    others: set[bytes] = set()
    tables: set[bytes] = set()
    nodes = []
    for part in find_parts(model):
        if part.number == Graph.NODE:
            nodes.append(read_texts(model, part))
        elif part.number in {Graph.INPUT, Graph.OUTPUT}:
            others.update(read_texts(model, part)[ValueInfo.NAME])
    varying = others.copy()
    for node in nodes:
        operator, domain = b"".join(node[Node.OP_TYPE]), b"".join(node[Node.DOMAIN])
        inputs = node[Node.INPUT]
        if operator in SUBGRAPH_OPERATORS or domain not in STANDARD_DOMAINS:
            return set()
        varies = operator not in SHAPE_OPERATORS and not varying.isdisjoint(inputs)
        if varies:
            varying.update(node[Node.OUTPUT])
        if varies and operator == b"Gather":
            tables.add(inputs.pop(0))
        others.update(inputs)
    return {str(name, "utf-8", "replace") for name in tables - others}


def find_parts(model: memoryview) -> Iterator[Field]:
    """Yield the fields of the main graph."""
    for item in fields(model, 0, len(model)):
        if item.number == Model.GRAPH and item.wire == BYTES:
            yield from fields(model, item.start, item.stop)


def read_texts(model: memoryview, message: Field) -> dict[int, list[bytes]]:
    """Return the fields of a node, an input or an output that hold names."""
    texts: dict[int, list[bytes]] = {
        number: [] for number in (Node.INPUT, Node.OUTPUT, Node.OP_TYPE, Node.DOMAIN)
    }
    for item in fields(model, message.start, message.stop):
        if item.number in texts and item.wire == BYTES:
            texts[item.number].append(bytes(model[item.start : item.stop]))
    return texts
