"""Which weights onnxruntime uses as they lie there: tables that rows are looked up in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.model_files.onnx_tensors import GRAPH
from prunepack.model_files.protobuf import BYTES, fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.model_files.protobuf import Field

__all__ = ["find_gather_tables"]

NODE, GRAPH_INPUT, GRAPH_OUTPUT = 1, 11, 12
VALUE_NAME = 1
INPUT, OUTPUT, OPERATOR, DOMAIN = 1, 2, 4, 7

OF_SHAPES = {b"Shape", b"Size"}
"""Operators whose output may be a constant when their input is none."""

WITH_SUBGRAPHS = {b"If", b"Loop", b"Scan", b"SequenceMap"}
STANDARD_DOMAINS = {b"", b"ai.onnx"}


def find_gather_tables(model: memoryview) -> set[str]:
    """Return the names that a model uses only as the table of ``Gather``, such as embeddings.

    Other weights onnxruntime reads when it optimises a graph, or lays out anew for its kernels;
    a table that is looked into at places which depend on an input of the model it leaves alone.
    Where uses may be out of sight (a subgraph, an operator of another domain, which functions
    have) no name is returned.
    """
    others: set[bytes] = set()
    tables: set[bytes] = set()
    nodes = []
    for part in _parts_of_graphs(model):
        if part.number == NODE:
            nodes.append(_texts(model, part))
        elif part.number in {GRAPH_INPUT, GRAPH_OUTPUT}:
            others.update(_texts(model, part)[VALUE_NAME])
    varying = others.copy()
    for node in nodes:
        operator, domain, inputs = b"".join(node[OPERATOR]), b"".join(node[DOMAIN]), node[INPUT]
        if operator in WITH_SUBGRAPHS or domain not in STANDARD_DOMAINS:
            return set()
        varies = operator not in OF_SHAPES and not varying.isdisjoint(inputs)
        if varies:
            varying.update(node[OUTPUT])
        if varies and operator == b"Gather":
            tables.add(inputs.pop(0))
        others.update(inputs)
    return {str(name, "utf-8", "replace") for name in tables - others}


def _parts_of_graphs(model: memoryview) -> Iterator[Field]:
    for item in fields(model, 0, len(model)):
        if item.number == GRAPH and item.wire == BYTES:
            yield from fields(model, item.start, item.stop)


def _texts(model: memoryview, message: Field) -> dict[int, list[bytes]]:
    """Return those fields of a node, an input or an output that name something."""
    found: dict[int, list[bytes]] = {INPUT: [], OUTPUT: [], OPERATOR: [], DOMAIN: []}
    for item in fields(model, message.start, message.stop):
        if item.number in found and item.wire == BYTES:
            found[item.number].append(bytes(model[item.start : item.stop]))
    return found
