"""Names of values in an ONNX model: how often they are defined, and whether they are read."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from prunepack.model_files.onnx_fields import (
    Attribute,
    Function,
    Graph,
    Model,
    Node,
    SparseTensor,
    Tensor,
    ValueInfo,
)
from prunepack.model_files.protobuf import BYTES, fields

__all__ = ["Names", "find_names"]

IN_GRAPH = {
    Graph.NODE: "node",
    Graph.INITIALIZER: "tensor",
    Graph.SPARSE_INITIALIZER: "sparse",
    Graph.OUTPUT: "output",
}
CHILDREN = {
    "model": {Model.GRAPH: "main graph", Model.FUNCTIONS: "function"},
    "main graph": IN_GRAPH,
    "graph": IN_GRAPH | {Graph.INPUT: "input"},
    "function": {Function.NODE: "node"},
    "node": {Node.ATTRIBUTE: "attribute"},
    "attribute": {Attribute.G: "graph", Attribute.GRAPHS: "graph"},
    "sparse": {SparseTensor.VALUES: "tensor"},
}
"""Kinds of message, and their fields that lead to names."""

DEFINED, READ = (
    {
        "tensor": Tensor.NAME,
        "node": Node.OUTPUT,
        "input": ValueInfo.NAME,
        "function": Function.INPUT,
    },
    {"node": Node.INPUT, "output": ValueInfo.NAME},
)
"""Kinds of message, and their field with the names that they define and that they read."""


class Names(NamedTuple):
    """Names of all graphs and functions of a model.

    A name that the whole model defines once means the same value wherever it is read. A second
    definition, in an inner graph or beside the first, makes it depend on the place.

    Attributes:
        defined: Number of definitions: initializers, outputs of nodes, and inputs, except those of
            the main graph, which an initializer may repeat.
        read: Names that nodes read, and outputs of graphs.
    """

    defined: Counter[bytes]
    read: set[bytes]

    def is_plain(self, name: str) -> bool:
        """Return whether the model defines a name once, and reads it."""
        key = name.encode()
        return self.defined[key] == 1 and key in self.read


def find_names(model: memoryview) -> Names:
    """Return the names in a serialized ``ModelProto``.

    Raises:
        RefusedError: If ``model`` is not a protobuf message.
    """
    names = Names(Counter(), set())
    pending = [("model", 0, len(model))]
    while pending:
        kind, start, stop = pending.pop()
        children, defined, read = CHILDREN.get(kind, {}), DEFINED.get(kind, 0), READ.get(kind, 0)
        for item in fields(model, start, stop, {*children, defined, read}):
            if item.wire != BYTES or item.start == item.stop:
                continue
            if item.number in children:
                pending.append((children[item.number], item.start, item.stop))
            elif item.number == defined:
                names.defined[bytes(model[item.start : item.stop])] += 1
            else:
                names.read.add(bytes(model[item.start : item.stop]))
    return names
