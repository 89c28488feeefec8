"""An ONNX graph as nodes in topological order, and the tensors that pass between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Node", "NodeGraph"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        index: Its place in the file, which is a topological order.
        name: Its name; that of its first output where it has none.
        op: The operator, with the domain before it unless that is ONNX's own.
        inputs: Names by position; empty where an optional input is left out.
        captured: Names from outside that the subgraphs in its attributes use.
        outputs: Names by position.
        proto: The ``NodeProto``.
    """

    index: int
    name: str
    op: str
    inputs: tuple[str, ...]
    captured: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: Any = field(repr=False, compare=False)

    @property
    def uses(self) -> tuple[str, ...]:
        """Every tensor it reads."""
        return (*(name for name in self.inputs if name), *self.captured)


class NodeGraph:
    """The nodes of a model; a ``Constant`` node counts as a constant, as an initializer does.

    Args:
        model: A ``ModelProto``; tensors may be left in external files.

    Attributes:
        model: The same.
        nodes: All other nodes, in the order of the file.
        constants: Initializers and values of ``Constant`` nodes, by name: a ``TensorProto`` or,
            for the other forms of a ``Constant``, the ``AttributeProto``.
        constant_nodes: The ``Constant`` nodes, by the name of their output.
        inputs: The ``ValueInfoProto`` of the inputs that a caller has to give.
        outputs: Names of the outputs.
        producer: The node that makes a tensor, by the tensor's name.
    """

    def __init__(self, model: Any) -> None:
        graph = model.graph
        self.model = model
        self.constant_nodes = {
            n.output[0]: n for n in graph.node if n.op_type == "Constant" and not n.domain
        }
        self.constants: dict[str, Any] = {one.name: one for one in graph.initializer}
        self.constants |= {one.values.name: one for one in graph.sparse_initializer}
        self.constants |= {name: _value(node) for name, node in self.constant_nodes.items()}
        self.inputs = [one for one in graph.input if one.name not in self.constants]
        self.outputs = tuple(one.name for one in graph.output)
        rest = (n for n in graph.node if n.op_type != "Constant" or n.domain)
        self.nodes = tuple(_node(index, proto) for index, proto in enumerate(rest))
        self.producer = {name: node for node in self.nodes for name in node.outputs if name}
        self._last_use = self._last_uses()

    def _last_uses(self) -> dict[str, int]:
        last = {name: node.index for node in self.nodes for name in node.uses}
        return last | dict.fromkeys(self.outputs, len(self.nodes))

    def cut(self, position: int) -> list[str]:
        """Return the tensors made up to the node at ``position`` that are of use after it.

        Whatever comes later depends on the nodes before through these tensors alone.
        """
        return [
            name
            for name, node in self.producer.items()
            if node.index <= position < self._last_use.get(name, -1)
        ]

    def region(self, target: str, boundary: Collection[str]) -> tuple[list[Node], list[str]]:
        """Return the nodes that make ``target`` from ``boundary``, and what they read from outside.

        Both are in topological order; what is read is a part of ``boundary`` and of the inputs.
        """
        found: dict[int, Node] = {}
        read: set[str] = set()
        waiting = [target]
        while waiting:
            node = self.producer.get(waiting.pop())
            if node is None or node.index in found:
                continue
            found[node.index] = node
            outside = {name for name in node.uses if self._is_outside(name, boundary)}
            read |= outside
            waiting += [name for name in node.uses if name not in outside]
        nodes = [found[index] for index in sorted(found)]
        return nodes, sorted(read, key=self._born)

    def _is_outside(self, name: str, boundary: Collection[str]) -> bool:
        return name in boundary or (name not in self.producer and name not in self.constants)

    def _born(self, name: str) -> tuple[int, str]:
        return (self.producer[name].index if name in self.producer else -1, name)


def _node(index: int, proto: Any) -> Node:
    return Node(
        index=index,
        name=proto.name or next(filter(None, proto.output), f"node {index}"),
        op=f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type,
        inputs=tuple(proto.input),
        captured=tuple(dict.fromkeys(_captured(proto))),
        outputs=tuple(proto.output),
        proto=proto,
    )


def _value(constant: Any) -> Any:
    """Return the tensor in a ``Constant`` node, or the attribute that stands for one."""
    (attribute,) = constant.attribute
    return attribute.t if attribute.name == "value" else attribute


def _captured(proto: Any) -> Iterator[str]:
    """Yield the names that subgraphs of a node use and do not define."""
    for attribute in proto.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _free(graph)


def _free(graph: Any) -> Iterator[str]:
    defined = {one.name for one in (*graph.input, *graph.initializer)} | {""}
    for node in graph.node:
        yield from (name for name in (*node.input, *_captured(node)) if name not in defined)
        defined.update(node.output)
    yield from (one.name for one in graph.output if one.name not in defined)
