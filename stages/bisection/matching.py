"""Which node of one graph is which of another: by what they read, else by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.bisection.graph import Node, NodeGraph

__all__ = ["Matching", "match"]


@dataclass
class Matching:
    """What in graph B is what in graph A.

    Attributes:
        tensors: Tensors of A → those of B.
        nodes: Indices of A's nodes → those of B's.
        outputs: Pairs of outputs, by name or, where no name is shared, by place.
        by_name: How many nodes were matched by the name of their output alone.
    """

    tensors: dict[str, str] = field(default_factory=dict)
    nodes: dict[int, int] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    by_name: int = 0


def match(a: NodeGraph, b: NodeGraph) -> Matching:
    """Match the nodes of two graphs.

    A node is the one with the same operator that reads the same tensors, from the inputs on; where
    several do, as the query, key and value of attention, the names of outputs and weights decide,
    then attributes. What is left over is matched by the name of its output, which survives most
    fusions; and what has the place of another node, with another operator, where both graphs have
    as many nodes.
    """
    found = Matching(_paired([i.name for i in a.inputs], [i.name for i in b.inputs]))
    pairs = _Pairs(a, b, found)
    while pairs.by_place() or pairs.by_name() or pairs.replaced():
        pass
    found.outputs = _paired(a.outputs, b.outputs)
    return found


def _paired(a: list[str] | tuple[str, ...], b: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Pair names that are equal; by place, where none is and there are as many."""
    same = {name: name for name in a if name in b}
    return same or (dict(zip(a, b, strict=True)) if len(a) == len(b) else {})


class _Pairs:
    def __init__(self, a: NodeGraph, b: NodeGraph, found: Matching) -> None:
        self.a, self.b, self.found = a, b, found
        self.taken: set[int] = set()
        self.readers: dict[str, list[Node]] = {}
        for node in b.nodes:
            for name in dict.fromkeys(node.uses):
                self.readers.setdefault(name, []).append(node)

    def _left(self) -> Iterator[Node]:
        return (node for node in self.a.nodes if node.index not in self.found.nodes)

    def _pair(self, one: Node, other: Node) -> None:
        self.found.nodes[one.index] = other.index
        self.taken.add(other.index)
        pairs = zip(one.outputs, other.outputs, strict=False)
        self.found.tensors |= {x: y for x, y in pairs if x and y}

    def by_place(self) -> bool:
        before = len(self.taken)
        for node in self._left():
            same = [one for one in self._beside(node) if one.op == node.op]
            if same:
                self._pair(node, max(same, key=lambda other: self._likeness(node, other)))
        return len(self.taken) > before

    def by_name(self) -> bool:
        before = len(self.taken)
        for node in self._left():
            other = self.b.producer.get(node.outputs[0])
            if other is not None and other.index not in self.taken:
                self._pair(node, other)
        self.found.by_name += len(self.taken) - before
        return len(self.taken) > before

    def replaced(self) -> bool:
        if len(self.a.nodes) != len(self.b.nodes):
            return False
        for node in self._left():
            others = self._beside(node)
            if len(others) == 1:
                self._pair(node, others[0])
                return True
        return False

    def _beside(self, node: Node) -> list[Node]:
        """Return B's free nodes that read what ``node`` reads, constants aside."""
        reads = [name for name in node.uses if name not in self.a.constants]
        if not reads:  # it makes something of constants alone
            other = self.b.producer.get(node.outputs[0])
            return [other] if other is not None and other.index not in self.taken else []
        mapped = [self.found.tensors.get(name) for name in reads]
        if None in mapped:
            return []
        return [
            other
            for other in self.readers.get(mapped[0] or "", ())
            if other.index not in self.taken
            and [name for name in other.uses if name not in self.b.constants] == mapped
        ]

    def _likeness(self, one: Node, other: Node) -> tuple[bool, int, bool]:
        weights = sum(
            x == y and x in self.a.constants for x, y in zip(one.uses, other.uses, strict=False)
        )
        attributes = [
            sorted(a.SerializeToString() for a in n.proto.attribute) for n in (one, other)
        ]
        return one.outputs[0] == other.outputs[0], weights, attributes[0] == attributes[1]
