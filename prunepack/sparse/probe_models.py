"""Small ONNX models for measurements, encoded without the package ``onnx``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.model_files.onnx_fields import Graph, Model, Node, OperatorSetId, Tensor, ValueInfo
from prunepack.model_files.protobuf import encode_bytes, encode_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.coding.dtypes import Array

__all__ = ["encode_probe"]

IR_VERSION, GRAPH_NAME, TYPE = 1, 2, 2
"""Numbers of fields that only this module writes: of the model, the graph and a value."""

FLOAT, OPSET = 1, 17


def encode_probe(op: str, weights: Array, shape: Sequence[int | str]) -> bytes:
    """Return a model of one node: ``y = op(x, weights)``.

    Args:
        op: ``Conv`` or ``MatMul``.
        weights: Constant weights, float32.
        shape: Shape of ``x``; a dynamic axis is a name.
    """
    node = b"".join(
        (
            _text(Node.INPUT, "x"),
            _text(Node.INPUT, "w"),
            _text(Node.OUTPUT, "y"),
            _text(Node.OP_TYPE, op),
        )
    )
    graph = b"".join(
        (
            encode_bytes(Graph.NODE, node),
            _text(GRAPH_NAME, "probe"),
            encode_bytes(Graph.INITIALIZER, _encode_tensor("w", weights)),
            encode_bytes(Graph.INPUT, _encode_value("x", shape)),
            encode_bytes(Graph.OUTPUT, _encode_value("y", None)),
        )
    )
    return b"".join(
        (
            encode_varint(IR_VERSION, 8),
            encode_bytes(Model.GRAPH, graph),
            encode_bytes(Model.OPSET_IMPORT, encode_varint(OperatorSetId.VERSION, OPSET)),
        )
    )


def _text(number: int, text: str) -> bytes:
    return encode_bytes(number, text.encode())


def _encode_tensor(name: str, array: Array) -> bytes:
    dims = b"".join(encode_varint(Tensor.DIMS, size) for size in array.shape)
    kind = encode_varint(Tensor.DATA_TYPE, FLOAT)
    return dims + kind + _text(Tensor.NAME, name) + encode_bytes(Tensor.RAW_DATA, array.tobytes())


def _encode_value(name: str, shape: Sequence[int | str] | None) -> bytes:
    tensor = encode_varint(1, FLOAT)
    if shape is not None:
        sizes = (encode_varint(1, d) if isinstance(d, int) else _text(2, d) for d in shape)
        tensor += encode_bytes(2, b"".join(encode_bytes(1, size) for size in sizes))
    return _text(ValueInfo.NAME, name) + encode_bytes(TYPE, encode_bytes(1, tensor))
