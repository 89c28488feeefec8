"""Tensors of an ONNX file, found in its bytes without the package ``onnx``.

A tensor that is not certain to be one is left out; its bytes are packed as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import BY_ONNX_CODE, DType
from prunepack.errors import RefusedError
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.model_files.onnx_fields import (
    Attribute,
    Function,
    Graph,
    Model,
    Node,
    SparseTensor,
    StringStringEntry,
    Tensor,
    TrainingInfo,
)
from prunepack.model_files.protobuf import BYTES, VARINT, fields, read_varints, to_signed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from prunepack.model_files.protobuf import Field

__all__ = ["Message", "OnnxTensor", "find_tensors"]

CHILDREN = {
    "model": {Model.GRAPH: "graph", Model.TRAINING_INFO: "training", Model.FUNCTIONS: "function"},
    "training": {TrainingInfo.INITIALIZATION: "graph", TrainingInfo.ALGORITHM: "graph"},
    "graph": {
        Graph.NODE: "node",
        Graph.INITIALIZER: "tensor",
        Graph.SPARSE_INITIALIZER: "sparse",
    },
    "function": {Function.NODE: "node", Function.ATTRIBUTE_PROTO: "attribute"},
    "node": {Node.ATTRIBUTE: "attribute"},
    "attribute": {
        Attribute.T: "tensor",
        Attribute.G: "graph",
        Attribute.TENSORS: "tensor",
        Attribute.GRAPHS: "graph",
        Attribute.SPARSE_TENSOR: "sparse",
        Attribute.SPARSE_TENSORS: "sparse",
    },
    "sparse": {SparseTensor.VALUES: "tensor", SparseTensor.INDICES: "tensor"},
}
"""Kinds of message, and their fields that lead to a ``TensorProto``."""

CONTENTS = {Tensor.RAW_DATA: None, Tensor.FLOAT_DATA: "float32", Tensor.DOUBLE_DATA: "float64"}
"""Fields that hold the little-endian elements back to back, and the only type of each.

The other typed fields hold varints.
"""


MAX_DEPTH = 100
"""Nested messages; the limit of the protobuf libraries (``kDefaultRecursionLimit``)."""


class Message(NamedTuple):
    """A ``TensorProto``, or a message around it.

    Attributes:
        kind: Its kind, a key of :data:`CHILDREN` or ``tensor``.
        number: Its field number in its parent.
        start: Offset of its first byte.
        stop: Offset after its last byte.
        parent: The message around it; None for the model.
    """

    kind: str
    number: int
    start: int
    stop: int
    parent: Message | None


@dataclass(slots=True)
class OnnxTensor:
    """The declarations of a ``TensorProto``.

    Attributes:
        message: Its message.
        name: Its name; empty if it has none, or none in UTF-8.
        onnx_code: Its element type in ``TensorProto.DataType``.
        shape: Its dimensions as declared, at most one more than the format allows.
        contents: Field number and offsets of each field that holds elements back to back.
        is_external: Whether its elements are in another file.
        external_entries: Keys and values of ``external_data``.
    """

    message: Message
    name: str = ""
    onnx_code: int = 0
    shape: list[int] = field(default_factory=list)
    contents: list[tuple[int, int, int]] = field(default_factory=list)
    is_external: bool = False
    external_entries: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_initializer(self) -> bool:
        """Whether it is an initializer of the main graph."""
        graph = self.message.parent
        is_in_main = graph is not None and graph.kind == "graph" and graph.number == Model.GRAPH
        return is_in_main and self.message.number == Graph.INITIALIZER

    @property
    def dtype(self) -> DType | None:
        """The element type, or None if it has no fixed width."""
        return BY_ONNX_CODE.get(self.onnx_code)

    @property
    def inline_range(self) -> tuple[int, int] | None:
        """Offsets of its elements in the model's own file, or None if they are not certain."""
        if self.is_external or self.dtype is None or len(self.contents) != 1:
            return None
        ((number, start, stop),) = self.contents
        return (start, stop) if CONTENTS[number] in {None, self.dtype.name} else None


def find_tensors(model: memoryview) -> Iterator[OnnxTensor]:
    """Yield every ``TensorProto`` of a serialized ``ModelProto`` that is not empty.

    The tensors of a graph come before those of its nodes. Only the messages on the way to the
    present one are in memory. Deeper messages than any protobuf library reads have no tensors.

    Raises:
        RefusedError: If ``model`` is not a protobuf message, or has no graph.
    """
    root = Message("model", 0, 0, len(model), None)
    if not any(item.wire == BYTES for item in fields(model, 0, len(model), {Model.GRAPH})):
        raise RefusedError(
            "not an ONNX model", expected="a graph", found=f"{len(model)} bytes without one"
        )
    way = [_iter_contents(model, root)]
    while way:
        child = next(way[-1], None)
        if child is None:
            way.pop()
        elif child.kind == "tensor":
            yield _read_tensor(model, child)
        elif len(way) < MAX_DEPTH:
            way.append(_iter_contents(model, child))


def _iter_contents(model: memoryview, message: Message) -> Iterator[Message]:
    """Yield the tensors directly in a message, then the messages that may lead to others."""
    kinds = CHILDREN[message.kind]
    tensors = {number for number, kind in kinds.items() if kind == "tensor"}
    if tensors:
        yield from _iter_children(model, message, tensors)
    if others := kinds.keys() - tensors:
        yield from _iter_children(model, message, others)


def _iter_children(
    model: memoryview, message: Message, numbers: Collection[int]
) -> Iterator[Message]:
    """Yield the messages in the fields ``numbers`` of a message, except empty ones."""
    kinds = CHILDREN[message.kind]
    for item in fields(model, message.start, message.stop, numbers):
        if item.wire == BYTES and item.start < item.stop:
            yield Message(kinds[item.number], item.number, item.start, item.stop, message)


def _read_tensor(model: memoryview, message: Message) -> OnnxTensor:
    tensor = OnnxTensor(message)
    for item in fields(model, message.start, message.stop):
        if item.number == Tensor.DIMS:
            room = MAX_DIMENSIONS + 1 - len(tensor.shape)
            tensor.shape.extend(islice(read_varints(model, item), room))
        elif item.number == Tensor.DATA_TYPE and item.wire == VARINT:
            tensor.onnx_code = to_signed(item.value)
        elif item.number == Tensor.DATA_LOCATION and item.wire == VARINT:
            tensor.is_external = item.value == Tensor.EXTERNAL
        elif item.wire == BYTES:
            _read_bytes(tensor, model, item)
    return tensor


def _read_bytes(tensor: OnnxTensor, model: memoryview, item: Field) -> None:
    if item.number == Tensor.NAME:
        tensor.name = _read_text(model, item) or ""
    elif item.number in CONTENTS:
        tensor.contents.append((item.number, item.start, item.stop))
    elif item.number == Tensor.EXTERNAL_DATA:
        entry = {e.number: _read_text(model, e) for e in fields(model, item.start, item.stop)}
        key, value = entry.get(StringStringEntry.KEY), entry.get(StringStringEntry.VALUE)
        tensor.external_entries.append((key or "", value or ""))


def _read_text(model: memoryview, item: Field) -> str | None:
    try:
        return str(model[item.start : item.stop], "utf-8")
    except UnicodeDecodeError:
        return None
