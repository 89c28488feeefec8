"""Runs of two programs on the same inputs, and the errors of the tensors that they compute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.comparison.error import TensorError, compare_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prunepack.stages.bisection.program import Program
    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.graph_diff.matching import Matching


__all__ = ["PairedRuns"]

MEMORY = 256_000_000
"""Bytes of tensors that a run may return from each program."""
MOST_CUTS = 15
"""Cuts per run: 15 leave a sixteenth to search, so three runs are enough for thousands of nodes."""


class PairedRuns:
    """Two programs that run on the same inputs.

    Args:
        a: The reference.
        b: The other program.
        matching: The counterparts in B of A's tensors.
        inputs: Values of A's inputs.
        limit: The tolerance for tensors of a dtype, by numpy's name.

    Attributes:
        inputs: Values of A's inputs.
        inputs_b: The same by B's names.
        matched: Counterparts of A's tensors.
        pairs: Those of them that both programs can compute.
        errors: Errors of the tensors that were compared, by A's names.
        failures: B's error messages when it could not run, by the position in A's graph.
    """

    def __init__(
        self,
        a: Program,
        b: Program,
        matching: Matching,
        inputs: ArrayMapping,
        limit: Callable[[str], float],
    ) -> None:
        self.a, self.b, self.inputs = a, b, dict(inputs)
        self.inputs_b = {matching.tensors[name]: value for name, value in inputs.items()}
        self.matched = matching.tensors
        self.pairs = {
            x: y for x, y in self.matched.items() if a.can_compute(x) and b.can_compute(y)
        }
        self.errors: dict[str, TensorError] = {}
        self.failures: dict[int, str] = {}
        self._limit, self._largest = limit, 0

    @property
    def last(self) -> int:
        """The position of A's last node; -1 for a graph without nodes."""
        return len(self.a.graph.nodes) - 1

    def compare_outputs(self, pairs: Mapping[str, str]) -> dict[str, TensorError]:
        """Return the error of each pair of outputs.

        Raises:
            RefusedError: If A cannot run.
        """
        values = self.a.compute(pairs.keys(), self.inputs)
        try:
            others = self.b.compute(pairs.values(), self.inputs_b)
        except RefusedError as error:
            self.failures[self.last] = str(error)
            return {name: TensorError(math.inf, "", str(error)) for name in pairs}
        return {x: compare_tensors(values[x], others[y]) for x, y in pairs.items()}

    def compare_cuts(self, positions: list[int]) -> list[int]:
        """Compare the cuts at ``positions`` in one run; return the positions that it covered.

        If B cannot run that far, only the first half of them is compared, and so on.
        """
        cuts = {position: self.find_cut(position) for position in positions}
        names = {name for cut in cuts.values() for name in cut} - self.errors.keys()
        if names:
            try:
                others = self.b.compute([self.pairs[name] for name in names], self.inputs_b)
            except RefusedError as error:
                if len(positions) > 1:
                    return self.compare_cuts(positions[: len(positions) // 2])
                self.failures[positions[0]] = str(error)
                return positions
            values = self.a.compute(names, self.inputs)
            self.errors |= {
                name: compare_tensors(values[name], others[self.pairs[name]]) for name in names
            }
        sizes = [sum(self.errors[name].size for name in cut) for cut in cuts.values()]
        self._largest = max(self._largest, *sizes)
        return positions

    def compare_rerun(self, target: str, values: Arrays, given: Iterable[str]) -> TensorError:
        """Return the error of ``target`` when B computes it from A's values of ``given``.

        Args:
            target: A tensor of A.
            values: A's values of ``target`` and ``given``.
            given: Tensors of A that B does not compute.
        """
        start = {self.pairs[name]: values[name] for name in given}
        try:
            (value,) = self.b.compute([self.pairs[target]], {**self.inputs_b, **start}).values()
        except RefusedError as error:
            return TensorError(math.inf, "", str(error))
        return compare_tensors(values[target], value)

    def find_cut(self, position: int) -> list[str]:
        """Return the tensors of the cut at ``position`` that both programs can compute."""
        return [name for name in self.a.graph.find_cut(position) if name in self.pairs]

    def list_positions(self, last: int) -> list[int]:
        """Return -1, the positions that add a comparable tensor to the cut, and ``last``."""
        nodes = self.a.graph.nodes[:last]
        return [-1, *(n.index for n in nodes if any(x in self.pairs for x in n.outputs)), last]

    def is_divergent(self, position: int) -> bool:
        """Return whether a tensor of the cut at ``position`` diverges, or B failed there."""
        cut = self.find_cut(position)
        return position in self.failures or any(self.is_too_large(self.errors[n]) for n in cut)

    def is_too_large(self, error: TensorError) -> bool:
        """Return whether ``error`` exceeds the tolerance of its dtype."""
        return error.tolerance > self._limit(error.dtype)

    def count_cuts_per_run(self) -> int:
        """Return the number of cuts that a run may return, by the largest cut so far."""
        return max(1, min(MOST_CUTS, MEMORY // max(self._largest, MEMORY // MOST_CUTS)))

    def count_agreeing(self, before: str) -> int:
        """Count the compared tensors that agree and are made before the tensor ``before``."""
        producer = self.a.graph.producer
        return sum(
            producer[name].index < producer[before].index and not self.is_too_large(error)
            for name, error in self.errors.items()
        )
