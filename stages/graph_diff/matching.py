"""Matching of the nodes of two graphs: by the tensors that they read, else by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.graph_diff.graph import Node, NodeGraph

__all__ = ["Matching", "match_graphs"]


@dataclass
class Matching:
    """Counterparts in graph B of tensors and nodes of graph A.

    Attributes:
        tensors: Tensors of A → those of B.
        nodes: Indices of A's nodes → those of B's.
        outputs: Outputs of A → those of B; by position if they share no name.
        by_name: Number of nodes that were matched by the name of their output alone.
    """

    tensors: dict[str, str] = field(default_factory=dict)
    nodes: dict[int, int] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    by_name: int = 0


def match_graphs(a: NodeGraph, b: NodeGraph) -> Matching:
    """Match the nodes of two graphs.

    The counterpart of a node has the same operator and reads the counterparts of its tensors, from
    the inputs on. If several nodes do (query, key and value of attention), the names of outputs and
    weights decide, then attributes. Remaining nodes are matched by the name of their output, which
    survives most fusions. A node with another operator is matched by its position if both graphs
    have the same number of nodes.
    """
    matching = Matching(_pair_names([i.name for i in a.inputs], [i.name for i in b.inputs]))
    matcher = _Matcher(a, b, matching)
    while matcher.match_by_inputs() or matcher.match_by_name() or matcher.match_replaced():
        pass
    matching.outputs = _pair_names(a.outputs, b.outputs)
    return matching


def _pair_names(a: Sequence[str], b: Sequence[str]) -> dict[str, str]:
    """Pair equal names; without any, pair by position if the lengths are equal."""
    same = {name: name for name in a if name in b}
    return same or (dict(zip(a, b, strict=True)) if len(a) == len(b) else {})


class _Matcher:
    """One matching of two graphs under construction."""

    def __init__(self, a: NodeGraph, b: NodeGraph, matching: Matching) -> None:
        self.a, self.b, self.matching = a, b, matching
        self.taken: set[int] = set()
        self.readers: dict[str, list[Node]] = {}
        for node in b.nodes:
            for name in dict.fromkeys(node.uses):
                self.readers.setdefault(name, []).append(node)

    def match_by_inputs(self) -> bool:
        """Match nodes with equal operators and matched inputs; return whether there were any."""
        before = len(self.taken)
        for node in self._iterate_unmatched():
            same = [other for other in self._find_candidates(node) if other.op == node.op]
            if same:
                self._pair(node, max(same, key=lambda other: self._rank(node, other)))
        return len(self.taken) > before

    def match_by_name(self) -> bool:
        """Match nodes with equal names of the first output; return whether there were any."""
        before = len(self.taken)
        for node in self._iterate_unmatched():
            other = self.b.producer.get(node.outputs[0])
            if other is not None and other.index not in self.taken:
                self._pair(node, other)
        self.matching.by_name += len(self.taken) - before
        return len(self.taken) > before

    def match_replaced(self) -> bool:
        """Match the first node whose operator was replaced; return whether there was one."""
        if len(self.a.nodes) != len(self.b.nodes):
            return False
        for node in self._iterate_unmatched():
            others = self._find_candidates(node)
            if len(others) == 1:
                self._pair(node, others[0])
                return True
        return False

    def _iterate_unmatched(self) -> Iterator[Node]:
        return (node for node in self.a.nodes if node.index not in self.matching.nodes)

    def _pair(self, node: Node, other: Node) -> None:
        self.matching.nodes[node.index] = other.index
        self.taken.add(other.index)
        pairs = zip(node.outputs, other.outputs, strict=False)
        self.matching.tensors |= {x: y for x, y in pairs if x and y}

    def _find_candidates(self, node: Node) -> list[Node]:
        """Return B's unmatched nodes that read the same tensors as ``node``, constants aside."""
        reads = [name for name in node.uses if name not in self.a.constants]
        if not reads:  # the node reads constants alone
            other = self.b.producer.get(node.outputs[0])
            return [other] if other is not None and other.index not in self.taken else []
        mapped = [self.matching.tensors.get(name) for name in reads]
        if None in mapped:
            return []
        return [
            other
            for other in self.readers.get(mapped[0] or "", ())
            if other.index not in self.taken
            and [name for name in other.uses if name not in self.b.constants] == mapped
        ]

    def _rank(self, node: Node, other: Node) -> tuple[bool, int, bool]:
        """Return how well ``other`` fits: name of the output, shared constants, attributes."""
        pairs = zip(node.uses, other.uses, strict=False)
        weights = sum(x == y and x in self.a.constants for x, y in pairs)
        attributes = [
            sorted(attribute.SerializeToString() for attribute in n.proto.attribute)
            for n in (node, other)
        ]
        return node.outputs[0] == other.outputs[0], weights, attributes[0] == attributes[1]
