"""Finding the tensors of an ONNX file by its bytes alone.

Only the wire format and the field numbers of ``onnx.proto`` (ONNX IR, versions 3 to 13) are used.
What cannot be told for certain is left out; left-out bytes are packed as they are.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import BY_ONNX_CODE, DType
from prunepack.errors import RefusedError
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.model_files.protobuf import BYTES, VARINT, fields, signed, varints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.model_files.protobuf import Field

__all__ = ["Message", "OnnxTensor", "find_tensors"]

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
CONTENTS = {RAW_DATA: None, 4: "float32", 10: "float64"}
"""Fields that are the little-endian elements, back to back, and the one type of each.

The other typed fields hold varints.
"""

KEY, VALUE = 1, 2
EXTERNAL = 1


class Message(NamedTuple):
    """A message on the way to a tensor, or that of a tensor itself.

    Attributes:
        kind: What it is, in the words of ``CHILDREN``.
        number: Which field of its parent it is.
        start: Offset of its first byte.
        stop: Offset after its last byte.
        parent: The message that it lies in; None for the model.
    """

    kind: str
    number: int
    start: int
    stop: int
    parent: Message | None


@dataclass(slots=True)
class OnnxTensor:
    """What a ``TensorProto`` says about itself.

    Attributes:
        where: Its message.
        name: Its name; empty if it has none, or none that is UTF-8.
        code: Its element type in ``TensorProto.DataType``.
        shape: Its dimensions, as they stand, up to the first that is one too many.
        contents: Field number and offsets of each field that holds elements back to back.
        is_external: Whether its content lies in another file.
        external: Keys and values of ``external_data``.
    """

    where: Message
    name: str = ""
    code: int = 0
    shape: list[int] = field(default_factory=list)
    contents: list[tuple[int, int, int]] = field(default_factory=list)
    is_external: bool = False
    external: list[tuple[str, str]] = field(default_factory=list)

    @property
    def initializer(self) -> bool:
        """Whether it is an initializer of the main graph."""
        graph = self.where.parent
        is_in_main = graph is not None and graph.kind == "graph" and graph.number == GRAPH
        return is_in_main and self.where.number == INITIALIZER

    @property
    def dtype(self) -> DType | None:
        """The element type, or None if it has no fixed width."""
        return BY_ONNX_CODE.get(self.code)

    @property
    def inline(self) -> tuple[int, int] | None:
        """Offsets of its elements in the model's own file, or None if there is no telling."""
        if self.is_external or self.dtype is None or len(self.contents) != 1:
            return None
        ((number, start, stop),) = self.contents
        return (start, stop) if CONTENTS[number] in {None, self.dtype.name} else None


def find_tensors(model: memoryview) -> Iterator[OnnxTensor]:
    """Yield every ``TensorProto`` of a serialized ``ModelProto``, those of outer graphs first.

    Raises:
        RefusedError: If ``model`` is not a protobuf message, or has no graph.
    """
    todo = deque([Message("model", 0, 0, len(model), None)])
    has_graph = False
    while todo:
        message = todo.popleft()
        has_graph |= message.number == GRAPH and message.kind == "graph"
        if message.kind == "tensor":
            yield _tensor(model, message)
        else:
            children = CHILDREN[message.kind]
            todo += [
                Message(children[item.number], item.number, item.start, item.stop, message)
                for item in fields(model, message.start, message.stop, children)
                if item.wire == BYTES
            ]
    if not has_graph:
        raise RefusedError(
            "not an ONNX model", expected="a graph", found=f"{len(model)} bytes without one"
        )


def _tensor(model: memoryview, where: Message) -> OnnxTensor:
    tensor = OnnxTensor(where)
    for item in fields(model, where.start, where.stop):
        if item.number == DIMS:
            room = MAX_DIMENSIONS + 1 - len(tensor.shape)
            tensor.shape.extend(islice(varints(model, item), room))
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
    elif item.number in CONTENTS:
        tensor.contents.append((item.number, item.start, item.stop))
    elif item.number == EXTERNAL_DATA:
        entry = {e.number: _text(model, e) for e in fields(model, item.start, item.stop)}
        tensor.external.append((entry.get(KEY) or "", entry.get(VALUE) or ""))


def _text(model: memoryview, item: Field) -> str | None:
    try:
        return str(model[item.start : item.stop], "utf-8")
    except UnicodeDecodeError:
        return None
