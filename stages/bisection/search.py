"""The search for the first place where two programs part, in few runs.

What lies after a place in a graph depends on what lies before it only through the cut there: the
tensors made before and read after. If all of a cut agrees, the reason why the outputs part comes
later; if some of it does not, there is a reason before. So one can search by halves, or with
several cuts in a run by larger fractions, although single tensors need not part monotonically in a
graph with branches, or where a ReLU swallows a difference. Where the search ends, a node parts
whose inputs agree. If it does not part when it is run alone on the other side's inputs, it has only
magnified a difference below the tolerance, and the search goes on for the node that this is from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.comparison.tensors_apart import Apart, apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from prunepack.stages.bisection.graph import Node
    from prunepack.stages.bisection.matching import Matching
    from prunepack.stages.bisection.program import Program

__all__ = ["Found", "Narrowing"]

MEMORY = 256_000_000
"""Bytes of tensors that a run may return on each side."""
MOST_CUTS = 15
"""Cuts in one run: 15 leave a sixteenth to search, so three runs do for thousands of nodes."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended.

    Attributes:
        target: The tensor of A that parts.
        nodes_a: The nodes of A that make it from tensors that were compared; one, as a rule.
        nodes_b: Those of B.
        apart: How far it is apart when both programs run as a whole.
        alone: How far it is apart when B's nodes are given the inputs that A's nodes have.
        inputs: How far those inputs are apart, at most.
        confirmed: Whether the nodes part on the same inputs.
    """

    target: str
    nodes_a: tuple[Node, ...]
    nodes_b: tuple[Node, ...]
    apart: Apart
    alone: Apart
    inputs: float
    confirmed: bool


class Narrowing:
    """One search.

    Args:
        a: The program that is right.
        b: The other one.
        matching: What in B is what in A.
        inputs: Values of A's inputs.
        limit: The tolerance for tensors of a dtype, by numpy's name.

    Attributes:
        matched: The tensors that have a counterpart, by A's names.
        pairs: Those of them that both programs can give.
        seen: What has been compared.
        broken: What B said where it could not be run, by the position in A's graph.
        largest: Bytes of the largest cut that was compared.
    """

    def __init__(
        self,
        a: Program,
        b: Program,
        matching: Matching,
        inputs: Mapping[str, npt.NDArray[Any]],
        limit: Callable[[str], float],
    ) -> None:
        self.a, self.b, self.limit, self.inputs = a, b, limit, dict(inputs)
        self.inputs_b = {matching.tensors[name]: value for name, value in inputs.items()}
        self.matched = matching.tensors
        self.pairs = {x: y for x, y in self.matched.items() if a.has(x) and b.has(y)}
        self.seen: dict[str, Apart] = {}
        self.broken: dict[int, str] = {}
        self.largest = 0

    def outputs(self, pairs: Mapping[str, str]) -> dict[str, Apart]:
        """Compare outputs.

        Raises:
            RefusedError: If A cannot run.
        """
        mine = self.a.values(pairs.keys(), self.inputs)
        try:
            theirs = self.b.values(pairs.values(), self.inputs_b)
        except RefusedError as error:
            self.broken[len(self.a.graph.nodes) - 1] = str(error)
            return {name: Apart(math.inf, "", str(error)) for name in pairs}
        return {x: apart(mine[x], theirs[y]) for x, y in pairs.items()}

    def search(self) -> Found | None:
        """Return where A and B part; None if all tensors that lead to the outputs agree."""
        last = len(self.a.graph.nodes) - 1
        if last < 0 or not (last in self.broken or self._parts(*self._look([last]))):
            return None
        found = self._explained(*self._first(last))
        return found if found.confirmed else self._traced(found) or found

    def agreed_before(self, found: Found) -> int:
        """Count the tensors that were compared, come before, and agree."""
        first = self.a.graph.producer[found.target].index
        return sum(
            one.amount <= self.limit(one.dtype)
            for name, one in self.seen.items()
            if self.a.graph.producer[name].index < first
        )

    def _places(self, last: int) -> list[int]:
        """Return -1, the places up to ``last`` after which there is something new to compare."""
        nodes = self.a.graph.nodes[:last]
        places = [n.index for n in nodes if any(name in self.pairs for name in n.outputs)]
        return [-1, *places, last]

    def _first(self, last: int) -> tuple[int, int]:
        """Return two neighbours: a place whose cut agrees, and the next one, which parts.

        Of several places that agree the last counts: nothing comes of what parted before it.
        """
        places = self._places(last)
        low, high = 0, len(places) - 1
        while high - low > 1:
            looked = self._look([places[at] for at in _spread(low, high, self._room())])
            parts = {places.index(place): self._parts(place) for place in looked}
            low = max((at for at, parted in parts.items() if not parted), default=low)
            high = min((at for at, parted in parts.items() if parted and at > low), default=high)
        return places[low], places[high]

    def _traced(self, grown: Found) -> Found | None:
        """Return the nodes whose own small error grows into what ``grown`` is apart, if any do.

        B is run from one place on, on A's values: after the nodes that are looked for it does
        right. Where the difference shrinks little by little, it is rounding and has no one place.
        """
        places = self._places(self.a.graph.producer[grown.target].index)
        low, high = 0, len(places) - 1
        before, after = grown.apart.amount, 0.0
        while high - low > 1:
            at = (low + high) // 2
            effect = self._effect(places[at], grown.target)
            if effect > self.limit(grown.apart.dtype):
                low, before = at, effect
            else:
                high, after = at, effect
        if after > before / 2:
            return None
        self._look([places[high]])
        return self._explained(places[low], places[high])

    def _effect(self, place: int, target: str) -> float:
        """Return how far ``target`` is apart when B goes on from A's values at ``place``."""
        cut = self._cut(place)
        mine = self.a.values([*cut, target], self.inputs)
        given = {self.pairs[name]: mine[name] for name in cut}
        return self._alone(target, mine, given).amount

    def _room(self) -> int:
        """Return how many cuts a run may return, by the largest that was seen."""
        return max(1, min(MOST_CUTS, MEMORY // max(self.largest, MEMORY // MOST_CUTS)))

    def _cut(self, place: int) -> list[str]:
        return [name for name in self.a.graph.cut(place) if name in self.pairs]

    def _look(self, places: list[int]) -> list[int]:
        """Compare the cuts at ``places`` in one run; return those of them that this did, in order.

        Where B cannot be run that far, it is asked for the first half, then for that one's.
        """
        cuts = {place: self._cut(place) for place in places}
        names = {name for cut in cuts.values() for name in cut} - self.seen.keys()
        if names:
            try:
                theirs = self.b.values([self.pairs[name] for name in names], self.inputs_b)
            except RefusedError as error:
                if len(places) > 1:
                    return self._look(places[: len(places) // 2])
                self.broken[places[0]] = str(error)
                return places
            mine = self.a.values(names, self.inputs)
            self.seen |= {name: apart(mine[name], theirs[self.pairs[name]]) for name in names}
        sizes = [sum(self.seen[name].size for name in cut) for cut in cuts.values()]
        self.largest = max(self.largest, *sizes)
        return places

    def _parts(self, place: int) -> bool:
        return place in self.broken or any(
            self.seen[name].amount > self.limit(self.seen[name].dtype) for name in self._cut(place)
        )

    def _explained(self, before: int, at: int) -> Found:
        """Run what makes the first tensor that parts alone, on the inputs that A has there."""
        target = self._target(before, at)
        others = {y: x for x, y in self.pairs.items() if x != target}
        nodes_b, read_b = self.b.graph.region(self.pairs[target], others)
        nodes_a, _ = self.a.graph.region(target, self.pairs.keys() - {target})
        between = {y: others[y] for y in read_b if y in others}
        mine = self.a.values([*between.values(), target], self.inputs)
        theirs = self.b.values(between, self.inputs_b) if between else {}
        inputs = [apart(mine[x], theirs[y]).amount for y, x in between.items()]
        alone = self._alone(target, mine, {y: mine[x] for y, x in between.items()})
        total = self.seen.get(target) or Apart(math.inf, "", self.broken.get(at, ""))
        found = Found(
            target=target,
            nodes_a=tuple(nodes_a),
            nodes_b=tuple(nodes_b),
            apart=total,
            alone=alone,
            inputs=max(inputs, default=0.0),
            confirmed=alone.amount > 0 and alone.amount >= total.amount / 2,
        )
        return self._within(found, mine) if found.confirmed and len(nodes_a) > 1 else found

    def _within(self, found: Found, mine: Mapping[str, Any]) -> Found:
        """Narrow several nodes that are one operator of torch down to the one that parts.

        Torch has no tensors in between; the export of it that A's graph is has them, and counts if
        it ends where torch does.
        """
        inner = [x for node in found.nodes_a for x in node.outputs if x in self.matched]
        if len(inner) == 1:
            return found
        given = {name: value for name, value in mine.items() if name != found.target}
        given_b = {self.pairs[name]: value for name, value in given.items()}
        names = [self.matched[name] for name in inner]
        try:
            exported = self.a.exported.values(inner, {**self.inputs, **given})
            theirs = self.b.values(names, {**self.inputs_b, **given_b})
        except RefusedError:
            return found
        if self._differ(mine[found.target], exported[found.target]):
            return found
        parted = (x for x in inner if self._differ(exported[x], theirs[self.matched[x]]))
        target = next(parted, found.target)
        nodes_a, _ = self.a.graph.region(target, self.matched.keys() - {target})
        counterparts = set(self.matched.values()) - {self.matched[target]}
        nodes_b, _ = self.b.graph.region(self.matched[target], counterparts)
        return replace(found, nodes_a=tuple(nodes_a), nodes_b=tuple(nodes_b))

    def _differ(self, expected: Any, found: Any) -> bool:
        one = apart(expected, found)
        return one.amount > self.limit(one.dtype)

    def _alone(
        self, target: str, mine: Mapping[str, Any], given: Mapping[str, npt.NDArray[Any]]
    ) -> Apart:
        """Compare ``target`` when B makes it out of ``given`` and its inputs."""
        try:
            (value,) = self.b.values([self.pairs[target]], {**self.inputs_b, **given}).values()
        except RefusedError as error:
            return Apart(math.inf, "", str(error))
        return apart(mine[target], value)

    def _target(self, before: int, at: int) -> str:
        """Return the tensor made after ``before`` and up to ``at`` that is the most apart."""
        made = (name for node in self.a.graph.nodes[before + 1 : at + 1] for name in node.outputs)
        new = [name for name in made if name in self.pairs]
        return max((n for n in new if n in self.seen), key=self._amount, default=new[0])

    def _amount(self, name: str) -> float:
        return self.seen[name].amount


def _spread(low: int, high: int, count: int) -> list[int]:
    """Return up to ``count`` numbers between ``low`` and ``high``, evenly spread."""
    steps = min(count, high - low - 1)
    return [low + (high - low) * (step + 1) // (steps + 1) for step in range(steps)]
