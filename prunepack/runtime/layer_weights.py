"""Weights of layers, which onnxruntime does not read before it hands the layers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunepack.model_files.onnx_fields import Graph, Node, ValueInfo
from prunepack.runtime.gather_tables import (
    STANDARD_DOMAINS,
    SUBGRAPH_OPERATORS,
    find_parts,
    read_texts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["find_layer_weights"]

LAYERS = {b"Conv", b"Gemm", b"MatMul"}


class _Reader(NamedTuple):
    """A node that reads a value, and the position among its inputs."""

    operator: bytes
    position: int
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]


def find_layer_weights(model: memoryview) -> set[str]:
    """Return the names that the main graph reads only as the weights of layers.

    Layers are ``Conv``, ``Gemm`` and ``MatMul``. Names whose layer is followed by
    ``BatchNormalization`` or by the product with a constant are left out, because onnxruntime
    changes these weights when it optimises the graph. In a model with subgraphs, which are not
    followed here, no name is returned.
    """
    readers: dict[bytes, list[_Reader]] = {}
    varying: set[bytes] = set()
    outputs: set[bytes] = set()
    for part in find_parts(model):
        texts = read_texts(model, part) if part.number in {Graph.INPUT, Graph.OUTPUT} else {}
        if part.number == Graph.INPUT:
            varying.update(texts[ValueInfo.NAME])
        elif part.number == Graph.OUTPUT:
            outputs.update(texts[ValueInfo.NAME])
        elif part.number == Graph.NODE:
            node = read_texts(model, part)
            operator = b"".join(node[Node.OP_TYPE])
            if operator in SUBGRAPH_OPERATORS:
                return set()
            if b"".join(node[Node.DOMAIN]) not in STANDARD_DOMAINS:
                operator = b"another"
            if operator != b"Constant":
                varying.update(node[Node.OUTPUT])
            for position, name in enumerate(node[Node.INPUT]):
                reader = _Reader(operator, position, node[Node.INPUT], node[Node.OUTPUT])
                readers.setdefault(name, []).append(reader)
    names = readers.keys() - varying - outputs
    found = (name for name in names if all(_keeps(r, readers, varying) for r in readers[name]))
    return {str(name, "utf-8", "replace") for name in found}


def _keeps(reader: _Reader, readers: Mapping[bytes, list[_Reader]], varying: set[bytes]) -> bool:
    """Return whether a reader is a layer that takes the value as its weights, unchanged."""
    if reader.operator not in LAYERS or reader.position != 1:
        return False
    following = (after for name in reader.outputs for after in readers.get(name, ()))
    return not any(_is_folded(after, varying) for after in following)


def _is_folded(reader: _Reader, varying: set[bytes]) -> bool:
    """Return whether onnxruntime multiplies the weights before a node with its constants."""
    return reader.operator == b"BatchNormalization" or (
        reader.operator == b"Mul" and not varying.issuperset(reader.inputs)
    )
