"""Search for the first divergence of two programs, in few runs.

The nodes after a position in a graph depend on the nodes before it only through the cut there: the
tensors that are made before and read after. If the whole cut agrees, the cause of different outputs
comes later; if a tensor of it diverges, there is a cause before. This permits a binary search, or a
search with several cuts per run, although single tensors need not diverge monotonically in a graph
with branches, or where a ReLU hides a difference. The search ends at a node that diverges and whose
inputs agree. If that node does not diverge when it runs alone on the reference's inputs, it has
only magnified a difference below the tolerance, and the search continues for the source of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.comparison.error import TensorError, compare_tensors

if TYPE_CHECKING:
    from prunepack.stages.bisection.runs import PairedRuns
    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.graph_diff.graph import Node


__all__ = ["Candidate", "find_divergence"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """The nodes at which a search ended.

    Attributes:
        target: The tensor of A that diverges.
        nodes_a: The nodes of A that make it from tensors that were compared; one, as a rule.
        nodes_b: Those of B.
        error: The error of the tensor when both programs run as a whole.
        isolated: The error when B's nodes get the inputs of A's nodes.
        inputs: The largest error of these inputs.
        confirmed: Whether the nodes diverge on the same inputs.
    """

    target: str
    nodes_a: tuple[Node, ...]
    nodes_b: tuple[Node, ...]
    error: TensorError
    isolated: TensorError
    inputs: float
    confirmed: bool


def find_divergence(runs: PairedRuns) -> Candidate | None:
    """Return the first divergence; None if all tensors that lead to the outputs agree."""
    last = runs.last
    if last < 0:
        return None
    if last not in runs.failures and not runs.is_divergent(*runs.compare_cuts([last])):
        return None
    candidate = _isolate(runs, *_search_cuts(runs, last))
    return candidate if candidate.confirmed else _trace_growth(runs, candidate) or candidate


def _search_cuts(runs: PairedRuns, last: int) -> tuple[int, int]:
    """Return two neighbouring positions: the cut of the first agrees, that of the second diverges.

    The last agreeing cut counts: differences before it have no effect.
    """
    positions = runs.list_positions(last)
    low, high = 0, len(positions) - 1
    while high - low > 1:
        steps = _spread_steps(low, high, runs.count_cuts_per_run())
        compared = runs.compare_cuts([positions[step] for step in steps])
        divergent = {positions.index(at): runs.is_divergent(at) for at in compared}
        low = max((step for step, is_bad in divergent.items() if not is_bad), default=low)
        later = (step for step, is_bad in divergent.items() if is_bad and step > low)
        high = min(later, default=high)
    return positions[low], positions[high]


def _spread_steps(low: int, high: int, count: int) -> list[int]:
    """Return up to ``count`` numbers between ``low`` and ``high``, evenly spread."""
    steps = min(count, high - low - 1)
    return [low + (high - low) * (step + 1) // (steps + 1) for step in range(steps)]


def _trace_growth(runs: PairedRuns, grown: Candidate) -> Candidate | None:
    """Return the nodes whose own small error grows into the error of ``grown``, if there are any.

    B starts from A's values at one cut after the other: after the nodes in question it is right.
    If the error shrinks little by little, it is rounding and has no single source.
    """
    positions = runs.list_positions(runs.a.graph.producer[grown.target].index)
    low, high = 0, len(positions) - 1
    before, after = grown.error.tolerance, 0.0
    while high - low > 1:
        middle = (low + high) // 2
        effect = _measure_effect(runs, positions[middle], grown.target)
        if runs.is_too_large(replace(grown.error, tolerance=effect)):
            low, before = middle, effect
        else:
            high, after = middle, effect
    if after > before / 2:
        return None
    runs.compare_cuts([positions[high]])
    return _isolate(runs, positions[low], positions[high])


def _measure_effect(runs: PairedRuns, position: int, target: str) -> float:
    """Return the error of ``target`` when B starts from A's values at ``position``."""
    cut = runs.find_cut(position)
    values = runs.a.compute([*cut, target], runs.inputs)
    return runs.compare_rerun(target, values, cut).tolerance


def _isolate(runs: PairedRuns, before: int, at: int) -> Candidate:
    """Run the nodes that make the first diverging tensor alone, on the inputs that A has there."""
    target = _choose_target(runs, before, at)
    nodes_a, nodes_b, read = _find_regions(runs, target)
    values = runs.a.compute([*read, target], runs.inputs)
    isolated = runs.compare_rerun(target, values, read)
    error = runs.errors.get(target) or TensorError(math.inf, "", runs.failures.get(at, ""))
    candidate = Candidate(
        target=target,
        nodes_a=nodes_a,
        nodes_b=nodes_b,
        error=error,
        isolated=isolated,
        inputs=_compare_inputs(runs, read, values),
        confirmed=isolated.tolerance > 0 and isolated.tolerance >= error.tolerance / 2,
    )
    is_group = candidate.confirmed and len(nodes_a) > 1
    return _refine(runs, candidate, values) if is_group else candidate


def _compare_inputs(runs: PairedRuns, read: list[str], values: ArrayMapping) -> float:
    """Return the largest error among the tensors ``read``, whose values in A are given."""
    others = runs.b.compute([runs.pairs[x] for x in read], runs.inputs_b) if read else {}
    errors = (compare_tensors(values[x], others[runs.pairs[x]]).tolerance for x in read)
    return max(errors, default=0.0)


def _choose_target(runs: PairedRuns, before: int, at: int) -> str:
    """Return the tensor with the largest error that is made after ``before`` and up to ``at``."""
    nodes = runs.a.graph.nodes[before + 1 : at + 1]
    new = [name for node in nodes for name in node.outputs if name in runs.pairs]
    compared = [name for name in new if name in runs.errors]
    return max(compared, key=lambda name: runs.errors[name].tolerance, default=new[0])


def _find_regions(
    runs: PairedRuns, target: str
) -> tuple[tuple[Node, ...], tuple[Node, ...], list[str]]:
    """Return the nodes of A and of B that make ``target``, and the tensors that B's nodes read."""
    others = {y: x for x, y in runs.pairs.items() if x != target}
    nodes_b, read = runs.b.graph.find_region(runs.pairs[target], others)
    nodes_a, _ = runs.a.graph.find_region(target, runs.pairs.keys() - {target})
    return tuple(nodes_a), tuple(nodes_b), [others[name] for name in read if name in others]


def _refine(runs: PairedRuns, candidate: Candidate, values: Arrays) -> Candidate:
    """Reduce several nodes that are one operator of torch to the one that diverges.

    Torch has no tensors between these nodes, but its export does, which A's graph is. The export
    counts if it agrees with torch on the tensor that they make.
    """
    inner = [x for node in candidate.nodes_a for x in node.outputs if x in runs.matched]
    if len(inner) == 1:
        return candidate
    target = candidate.target
    given = {name: value for name, value in values.items() if name != target}
    try:
        exported, errors = _compare_exported(runs, inner, given)
    except RefusedError:
        return candidate
    if runs.is_too_large(compare_tensors(values[target], exported[target])):
        return candidate
    target = next((x for x in inner if runs.is_too_large(errors[x])), target)
    nodes_a, _ = runs.a.graph.find_region(target, runs.matched.keys() - {target})
    counterparts = set(runs.matched.values()) - {runs.matched[target]}
    nodes_b, _ = runs.b.graph.find_region(runs.matched[target], counterparts)
    return replace(candidate, nodes_a=tuple(nodes_a), nodes_b=tuple(nodes_b))


def _compare_exported(
    runs: PairedRuns, names: list[str], given: Arrays
) -> tuple[Arrays, dict[str, TensorError]]:
    """Return the tensors ``names`` of A's export, made from ``given``, and their errors in B.

    Raises:
        RefusedError: If one of the two cannot run.
    """
    given_b = {runs.pairs[name]: value for name, value in given.items()}
    exported = runs.a.exported.compute(names, {**runs.inputs, **given})
    counterparts = [runs.matched[name] for name in names]
    others = runs.b.compute(counterparts, {**runs.inputs_b, **given_b})
    return exported, {x: compare_tensors(exported[x], others[runs.matched[x]]) for x in names}
