"""What to call the tensors of an ONNX model, wherever they are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.format.names import MAX_TENSOR_NAME_BYTES
from prunepack.model_files.onnx_tensors import NAME
from prunepack.model_files.protobuf import BYTES, fields

if TYPE_CHECKING:
    from prunepack.model_files.onnx_tensors import Message

__all__ = ["Labels"]

STEPS = {
    ("model", 20): "training",
    ("training", 1): "initialization",
    ("training", 2): "algorithm",
    ("sparse", 1): "values",
    ("sparse", 2): "indices",
}
"""What the way from a message to a field of it is called, if it needs to be said."""

NAMES = {"node": (3, 2, 4), "attribute": (1,), "function": (1,), "tensor": (NAME,)}
"""What a message is called: a node by its name, its first output or its operator, for one."""

VALUES = 1


class Labels:
    """Labels of a model's messages: what they are called and what they lie in, joined by dots.

    Each message is read once, and a label has at most as many characters as a name has bytes.
    """

    def __init__(self, model: memoryview) -> None:
        self._model = model
        self._known: dict[int, str] = {}

    def of(self, message: Message) -> str:
        """Return the label of a message; empty if nothing about it has a name."""
        way: list[Message] = []
        at: Message | None = message
        while at is not None and at.start not in self._known:
            way.append(at)
            at = at.parent
        label = "" if at is None else self._known[at.start]
        for step in reversed(way):
            label = ".".join(filter(None, (label, *self._parts(step))))[:MAX_TENSOR_NAME_BYTES]
            self._known[step.start] = label
        return label

    def _parts(self, message: Message) -> tuple[str, str]:
        """Return what the last step to a message is called, and the message itself."""
        around = message.parent.kind if message.parent else ""
        step = STEPS.get((around, message.number), "")
        if message.kind == "sparse":  # has no name of its own; that of its values is meant
            return step, self._name_of_values(message)
        if message.kind == "tensor" and around != "graph":  # is called by what holds it
            return step, ""
        return step, self._name(message.kind, message.start, message.stop)

    def _name_of_values(self, sparse: Message) -> str:
        found = fields(self._model, sparse.start, sparse.stop, {VALUES})
        values = (item for item in found if item.wire == BYTES)
        return next((self._name("tensor", item.start, item.stop) for item in values), "")

    def _name(self, kind: str, start: int, stop: int) -> str:
        numbers = NAMES.get(kind, ())
        texts: dict[int, str] = {}
        for item in fields(self._model, start, stop, numbers) if numbers else ():
            if item.wire == BYTES:
                shown = self._model[item.start : min(item.stop, item.start + MAX_TENSOR_NAME_BYTES)]
                texts.setdefault(item.number, str(shown, "utf-8", "replace"))
        return next((texts[number] for number in numbers if texts.get(number)), "")
