"""Finding the tensors of an ONNX file by its bytes alone.

Only the wire format and the field numbers of ``onnx.proto`` (ONNX IR, versions 3 to 13) are used.
What cannot be told for certain is left out; left-out bytes are packed as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prunepack.dtypes import BY_ONNX_CODE, DType
from prunepack.errors import RefusedError
from prunepack.protobuf import BYTES, VARINT, fields, signed, varints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.protobuf import Field

__all__ = ["OnnxTensor", "find_tensors"]

GRAPH, INITIALIZER = 7, 5

CHILDREN = {
    "model": {GRAPH: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", INITIALIZER: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Which fields of which messages lead to a ``TensorProto``."""

DIMS, DATA_TYPE, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 9, 13, 14
KEY, VALUE = 1, 2
EXTERNAL = 1


@dataclass(slots=True)
class OnnxTensor:
    """What a ``TensorProto`` says about itself.

    Attributes:
        initializer: Whether it is an initializer of the main graph.
        name: Its name; empty if it has none, or none that is UTF-8.
        code: Its element type in ``TensorProto.DataType``.
        shape: Its dimensions, as they stand.
        raw: Offsets of each ``raw_data`` field; more than one is legal, if odd.
        is_external: Whether its content lies in another file.
        external: Keys and values of ``external_data``.
    """

    initializer: bool = False
    name: str = ""
    code: int = 0
    shape: list[int] = field(default_factory=list)
    raw: list[tuple[int, int]] = field(default_factory=list)
    is_external: bool = False
    external: list[tuple[str, str]] = field(default_factory=list)

    @property
    def dtype(self) -> DType | None:
        """The element type, or None if it has no fixed width that numpy can carry."""
        return BY_ONNX_CODE.get(self.code)

    @property
    def nbytes(self) -> int | None:
        """Bytes that its shape and type call for, or None if there is no telling."""
        if self.dtype is None or min(self.shape, default=0) < 0:
            return None
        return math.prod(self.shape) * self.dtype.itemsize


def find_tensors(model: memoryview) -> Iterator[OnnxTensor]:
    """Yield every ``TensorProto`` of a serialized ``ModelProto``, in file order per message.

    Raises:
        RefusedError: If ``model`` is not a protobuf message, or has no graph.
    """
    todo = [("model", 0, len(model), False)]
    has_graph = False
    while todo:
        kind, start, stop, in_main = todo.pop()
        children = CHILDREN[kind]
        for item in fields(model, start, stop):
            child = children.get(item.number) if item.wire == BYTES else None
            if child == "tensor":
                initializer = in_main and item.number == INITIALIZER
                yield _tensor(model, item, initializer=initializer)
            elif child:
                is_main = kind == "model" and item.number == GRAPH
                has_graph |= is_main
                todo.append((child, item.start, item.stop, is_main))
    if not has_graph:
        raise RefusedError(
            "not an ONNX model",
            expected="a graph",
            found=f"{len(model)} bytes without one",
            do="Give the .onnx file that torch.onnx.export wrote",
        )


def _tensor(model: memoryview, where: Field, *, initializer: bool) -> OnnxTensor:
    tensor = OnnxTensor(initializer)
    for item in fields(model, where.start, where.stop):
        if item.number == DIMS:
            tensor.shape.extend(varints(model, item))
        elif item.number == DATA_TYPE and item.wire == VARINT:
            tensor.code = signed(item.value)
        elif item.number == DATA_LOCATION and item.wire == VARINT:
            tensor.is_external = item.value == EXTERNAL
        elif item.wire == BYTES:
            _read_bytes(tensor, model, item)
    return tensor


def _read_bytes(tensor: OnnxTensor, model: memoryview, item: Field) -> None:
    if item.number == NAME:
        tensor.name = _text(model, item) or ""
    elif item.number == RAW_DATA:
        tensor.raw.append((item.start, item.stop))
    elif item.number == EXTERNAL_DATA:
        entry = {e.number: _text(model, e) for e in fields(model, item.start, item.stop)}
        tensor.external.append((entry.get(KEY) or "", entry.get(VALUE) or ""))


def _text(model: memoryview, item: Field) -> str | None:
    try:
        return str(model[item.start : item.stop], "utf-8")
    except UnicodeDecodeError:
        return None
