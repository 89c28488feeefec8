"""Finding the tensors of an ONNX file by its bytes alone.

Only the wire format and the field numbers of ``onnx.proto`` (ONNX IR, versions 3 to 13) are used.
What cannot be told for certain is left out; left-out bytes are packed as they are.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from prunepack.dtypes import BY_ONNX_CODE, DType
from prunepack.errors import RefusedError
from prunepack.protobuf import BYTES, VARINT, fields, signed, varints
from prunepack.tensor_names import LONGEST
from prunepack.validation import MOST_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.protobuf import Field

__all__ = ["OnnxTensor", "find_tensors"]

GRAPH, INITIALIZER = 7, 5

CHILDREN = {
    "model": {GRAPH: ("graph", ""), 20: ("training", "training"), 25: ("function", "")},
    "training": {1: ("graph", "initialization"), 2: ("graph", "algorithm")},
    "graph": {1: ("node", ""), INITIALIZER: ("tensor", ""), 15: ("sparse", "")},
    "function": {7: ("node", ""), 11: ("attribute", "")},
    "node": {5: ("attribute", "")},
    "attribute": {
        **dict.fromkeys((5, 10), ("tensor", "")),
        **dict.fromkeys((6, 11), ("graph", "")),
        **dict.fromkeys((22, 23), ("sparse", "")),
    },
    "sparse": {1: ("tensor", "values"), 2: ("tensor", "indices")},
}
"""Which fields of which messages lead to a ``TensorProto``, and what the way there is called."""

LABELS = {"node": (3, 2, 4), "attribute": (1,), "function": (1,), "tensor": (8,)}
"""What a message is called: a node by its name, its first output or its operator, for one."""

DIMS, DATA_TYPE, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 9, 13, 14
CONTENTS = {RAW_DATA: None, 4: "float32", 10: "float64"}
"""Fields that are the little-endian elements, back to back, and the one type of each.

The other typed fields hold varints.
"""

VALUES = 1
KEY, VALUE = 1, 2
EXTERNAL = 1


@dataclass(slots=True)
class OnnxTensor:
    """What a ``TensorProto`` says about itself.

    Attributes:
        label: What it lies in and what it is called, joined by dots, for a person to read.
        initializer: Whether it is an initializer of the main graph.
        name: Its name; empty if it has none, or none that is UTF-8.
        code: Its element type in ``TensorProto.DataType``.
        shape: Its dimensions, as they stand, up to the first that is one too many.
        contents: Field number and offsets of each field that holds elements back to back.
        is_external: Whether its content lies in another file.
        external: Keys and values of ``external_data``.
    """

    label: str = ""
    initializer: bool = False
    name: str = ""
    code: int = 0
    shape: list[int] = field(default_factory=list)
    contents: list[tuple[int, int, int]] = field(default_factory=list)
    is_external: bool = False
    external: list[tuple[str, str]] = field(default_factory=list)

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


class _Message(NamedTuple):
    """A message that leads to tensors: its kind, its place, and the way to it."""

    kind: str
    start: int
    stop: int
    path: str
    in_main: bool = False
    initializer: bool = False


def find_tensors(model: memoryview) -> Iterator[OnnxTensor]:
    """Yield every ``TensorProto`` of a serialized ``ModelProto``, those of outer graphs first.

    Raises:
        RefusedError: If ``model`` is not a protobuf message, or has no graph.
    """
    todo = deque([_Message("model", 0, len(model), "")])
    has_graph = False
    while todo:
        message = todo.popleft()
        has_graph |= message.in_main
        if message.kind == "tensor":
            yield _tensor(model, message)
        else:
            todo.extend(_children(model, message))
    if not has_graph:
        raise RefusedError(
            "not an ONNX model",
            expected="a graph",
            found=f"{len(model)} bytes without one",
        )


def _children(model: memoryview, parent: _Message) -> Iterator[_Message]:
    children = CHILDREN[parent.kind]
    wanted = {*children, *LABELS.get(parent.kind, ())}
    found = fields(model, parent.start, parent.stop)
    kept = [item for item in found if item.wire == BYTES and item.number in wanted]
    path = _joined(parent.path, _label(model, parent.kind, kept))
    for item in kept:
        if item.number in children:
            kind, step = children[item.number]
            if parent.kind == "graph" and kind == "tensor":
                step = _tensor_label(model, item)
            is_main = parent.kind == "model" and item.number == GRAPH
            initializer = parent.in_main and item.number == INITIALIZER
            where = _joined(path, step)
            yield _Message(kind, item.start, item.stop, where, is_main, initializer)


def _label(model: memoryview, kind: str, found: Iterable[Field]) -> str:
    """Return what a message is called, by those of its fields that say so."""
    if kind == "sparse":  # has no name of its own; that of its values is meant for the whole
        return next((_tensor_label(model, item) for item in found if item.number == VALUES), "")
    texts = (item for number in LABELS.get(kind, ()) for item in found if item.number == number)
    return next((text for item in texts if (text := _shown(model, item))), "")


def _tensor_label(model: memoryview, where: Field) -> str:
    return _label(model, "tensor", fields(model, where.start, where.stop))


def _joined(path: str, label: str) -> str:
    return ".".join(filter(None, (path, label)))[:LONGEST]


def _tensor(model: memoryview, where: _Message) -> OnnxTensor:
    tensor = OnnxTensor(where.path, where.initializer)
    for item in fields(model, where.start, where.stop):
        if item.number == DIMS:
            room = MOST_DIMENSIONS + 1 - len(tensor.shape)
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


def _shown(model: memoryview, item: Field) -> str:
    """Return the text of a field as far as it can be read and is of use."""
    return str(model[item.start : min(item.stop, item.start + LONGEST)], "utf-8", "replace")
