"""Labels for the tensors of an ONNX model, made from the names of the messages around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.format.names import MAX_TENSOR_NAME_BYTES
from prunepack.model_files.onnx_fields import (
    Attribute,
    Function,
    Model,
    Node,
    SparseTensor,
    Tensor,
    TrainingInfo,
)
from prunepack.model_files.protobuf import BYTES, fields

if TYPE_CHECKING:
    from prunepack.model_files.onnx_tensors import Message

__all__ = ["TensorLabels"]

FIELD_NAMES = {
    ("model", Model.TRAINING_INFO): "training",
    ("training", TrainingInfo.INITIALIZATION): "initialization",
    ("training", TrainingInfo.ALGORITHM): "algorithm",
    ("sparse", SparseTensor.VALUES): "values",
    ("sparse", SparseTensor.INDICES): "indices",
}
"""Fields whose name is part of a label."""

NAME_FIELDS = {
    "node": (Node.NAME, Node.OUTPUT, Node.OP_TYPE),
    "attribute": (Attribute.NAME,),
    "function": (Function.NAME,),
    "tensor": (Tensor.NAME,),
}
"""Fields of each kind of message that can name it, in order of preference."""


class TensorLabels:
    """Labels of the messages of a model: the names on the way to a message, joined by dots.

    Each message around tensors is read once. A label has at most as many characters as a tensor
    name has bytes.
    """

    def __init__(self, model: memoryview) -> None:
        self._model = model
        self._labels: dict[int, str] = {}

    def find(self, message: Message) -> str:
        """Return the label of a message; empty if no message on the way has a name."""
        way: list[Message] = []
        at: Message | None = message
        while at is not None and at.start not in self._labels:
            way.append(at)
            at = at.parent
        label = "" if at is None else self._labels[at.start]
        for step in reversed(way):
            parts = filter(None, (label, *self._name_step(step)))
            label = ".".join(parts)[:MAX_TENSOR_NAME_BYTES]
            if step is not message:  # of the other messages, each can be on the way to many
                self._labels[step.start] = label
        return label

    def _name_step(self, message: Message) -> tuple[str, str]:
        """Return the name of the field that leads to a message, and that of the message."""
        parent = message.parent.kind if message.parent else ""
        field_name = FIELD_NAMES.get((parent, message.number), "")
        if message.kind == "sparse":  # has no name of its own, so that of its values stands for it
            return field_name, self._read_name_of_values(message)
        if message.kind == "tensor" and parent != "graph":  # goes by the name of its attribute
            return field_name, ""
        return field_name, self._read_name(message.kind, message.start, message.stop)

    def _read_name_of_values(self, sparse: Message) -> str:
        found = fields(self._model, sparse.start, sparse.stop, {SparseTensor.VALUES})
        values = (item for item in found if item.wire == BYTES)
        return next((self._read_name("tensor", item.start, item.stop) for item in values), "")

    def _read_name(self, kind: str, start: int, stop: int) -> str:
        numbers = NAME_FIELDS.get(kind, ())
        texts: dict[int, str] = {}
        for item in fields(self._model, start, stop, numbers) if numbers else ():
            if item.wire == BYTES:
                stop = min(item.stop, item.start + MAX_TENSOR_NAME_BYTES)
                texts.setdefault(
                    item.number, str(self._model[item.start : stop], "utf-8", "replace")
                )
        return next((texts[number] for number in numbers if texts.get(number)), "")
