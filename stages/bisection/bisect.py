"""Bisection of two models: the first node at which they diverge, and its torch module."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import RefusedError
from prunepack.stages.bisection.compaction import compact_reference, has_fewer_channels
from prunepack.stages.bisection.inputs import draw_inputs, load_inputs
from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.bisection.program import open_program
from prunepack.stages.bisection.result import Bisection, Divergence
from prunepack.stages.bisection.runs import PairedRuns
from prunepack.stages.bisection.search import find_divergence
from prunepack.stages.comparison.tolerances import DEFAULTS
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import InputData
from prunepack.stages.graph_diff.matching import match_graphs
from prunepack.stages.graph_diff.node_diff import diff_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prunepack.stages.bisection.program import Program
    from prunepack.stages.bisection.search import Candidate
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.graph_diff.graph import Node
    from prunepack.stages.graph_diff.matching import Matching


__all__ = ["BisectConfig", "bisect", "bisect_programs"]


class BisectConfig(Config):
    """The inputs and the tolerance of a bisection."""

    tolerance: float | None = Field(
        None,
        ge=0,
        description="Allowed error t, absolute and relative: |A - B| <= t + t·|A|. Default: 0 for "
        "two ONNX models in which every node has a counterpart, else by dtype.",
    )
    inputs: InputData | None = Field(
        None,
        description="Samples: an .npz file, a folder of ONNX test data, or a function. Default: "
        "seeded random inputs.",
    )
    samples: int = Field(2, gt=0, description="Number of samples if the batch axis is dynamic.")
    seed: int = Field(0, ge=0, description="Seed of the random inputs.")
    dynamic_batch: bool = Field(
        True, description="Trace a checkpoint with a dynamic batch axis, not for one sample."
    )


def bisect(a: Path, b: Path, config: BisectConfig | None = None) -> Bisection:
    """Compare the outputs of two models, and find their first divergence.

    Args:
        a: The reference: an ``.onnx`` or ``.prunepack`` file, or the folder of a checkpoint,
            export or pack.
        b: The other model, in any of these forms.
        config: The inputs and the tolerance.

    Raises:
        UsageError: If a path does not exist, or ``config.inputs`` does not.
        RefusedError: If a file is not a model, the two have different inputs, or ``a`` cannot run.
    """
    config = config or BisectConfig()
    with ExitStack() as stack:
        reference, other = (
            stack.enter_context(open_program(path, dynamic_batch=config.dynamic_batch))
            for path in (a, b)
        )
        return bisect_programs(reference, other, config)


def bisect_programs(a: Program, b: Program, config: BisectConfig) -> Bisection:
    """Compare the outputs of two programs, and find their first divergence.

    Raises:
        UsageError: If ``config.inputs`` does not exist.
        RefusedError: If it does not fit, the two have different inputs, or ``a`` cannot run.
    """
    matching = match_graphs(a.graph, b.graph)
    if has_fewer_channels(a.graph, b.graph, matching):
        result = _bisect_compacted(a, b, config)
        if result is not None:
            return result
    return _bisect_matched(a, b, matching, config)


def _bisect_compacted(a: Program, b: Program, config: BisectConfig) -> Bisection | None:
    """Compare a compacted B with A compacted likewise, and then A with its own export.

    Returns:
        The first of these results that does not agree; None if there is none.
    """
    compacted = compact_reference(a, b)
    if compacted is None:
        return None
    pairs: list[tuple[Program, Program]] = [(compacted, b)]
    pairs += [(a, a.exported)] if a is not a.exported else []
    results = (bisect_programs(*pair, config) for pair in pairs)
    return next((result for result in results if not result.agree), None)


def _bisect_matched(a: Program, b: Program, matching: Matching, config: BisectConfig) -> Bisection:
    """Compare the outputs of two programs whose nodes are matched, and find their divergence."""
    inputs = _make_inputs(a, b, matching, config)
    limit = _choose_limit(a, b, matching, config)
    runs = PairedRuns(a, b, matching, inputs, limit)
    outputs = runs.compare_outputs(matching.outputs)
    is_complete = len(outputs) == len(a.graph.outputs) == len(b.graph.outputs)
    agree = is_complete and not any(map(runs.is_too_large, outputs.values()))
    candidate = None if agree else find_divergence(runs)
    lines = diff_nodes(a, b, matching)
    return Bisection(
        a=a.label,
        b=b.label,
        agree=agree,
        outputs={name: _finite_or_none(error.tolerance) for name, error in outputs.items()},
        divergence=_describe(candidate, a, b, matching, lines) if candidate else None,
        differences={a.graph.nodes[i].name: tuple(each) for i, each in lines.items()},
        nodes=len(a.graph.nodes),
        matched=len(matching.nodes),
        matched_by_name=matching.by_name,
        unmatched=tuple(_iterate_unmatched(a, b, matching)),
        agreed_before=runs.count_agreeing(before=candidate.target) if candidate else 0,
        compared=len(runs.errors),
        runs=_count_runs(a, b, a.exported),
        tolerance={dtype: limit(dtype) for dtype in DEFAULTS},
    )


def _count_runs(*programs: Program) -> int:
    """Return the number of runs of all programs, each counted once."""
    return sum(program.runs for program in {id(program): program for program in programs}.values())


def _make_inputs(a: Program, b: Program, matching: Matching, config: BisectConfig) -> Arrays:
    in_a, in_b = ([value.name for value in program.graph.inputs] for program in (a, b))
    if sorted(matching.tensors.get(name, "") for name in in_a) != sorted(in_b):
        raise RefusedError(
            f"`{a.label}` and `{b.label}` have different inputs",
            expected=", ".join(in_a) or "none",
            found=", ".join(in_b) or "none",
            hint="Compare two versions of the same model",
        )
    if config.inputs is not None:
        return load_inputs(config.inputs, a.graph, config.samples)
    return draw_inputs(a.graph, b.graph, config.samples, config.seed)


def _choose_limit(
    a: Program, b: Program, matching: Matching, config: BisectConfig
) -> Callable[[str], float]:
    """Return the tolerance by dtype; tensors that are not floating-point must be equal.

    Two ONNX models in which every node has a counterpart run on the same kernels, so their tensors
    must be equal too, unless channels were folded into biases.
    """
    is_full = len(matching.nodes) == len(a.graph.nodes) == len(b.graph.nodes)
    is_full = is_full and not has_fewer_channels(a.graph, b.graph, matching)
    if config.tolerance is not None:
        limits = dict.fromkeys(DEFAULTS, config.tolerance)
    elif is_full and isinstance(a, OnnxProgram) and isinstance(b, OnnxProgram):
        limits = {}
    else:
        limits = DEFAULTS
    return lambda dtype: limits.get(dtype, 0.0)


def _describe(
    candidate: Candidate, a: Program, b: Program, matching: Matching, lines: dict[int, list[str]]
) -> Divergence:
    nodes = candidate.nodes_a
    return Divergence(
        node=_join_names(nodes),
        op=_join_operators(nodes),
        counterpart=_join_names(candidate.nodes_b),
        counterpart_op=_join_operators(candidate.nodes_b),
        module=_find_module(candidate.target, a, b, matching),
        tensor=candidate.target,
        tolerance=_finite_or_none(candidate.error.tolerance),
        worst=candidate.error.note,
        isolated=_finite_or_none(candidate.isolated.tolerance),
        inputs=_finite_or_none(candidate.inputs),
        confirmed=candidate.confirmed,
        causes=tuple(line for node in nodes for line in lines.get(node.index, ())),
    )


def _find_module(target: str, a: Program, b: Program, matching: Matching) -> str:
    """Return the modules that make a tensor in A, or if A has no modules, in B."""
    if module := a.find_modules(target, matching.tensors.keys() - {target}):
        return module
    counterpart = matching.tensors[target]
    return b.find_modules(counterpart, set(matching.tensors.values()) - {counterpart})


def _join_names(nodes: tuple[Node, ...]) -> str:
    return ", ".join(node.name for node in nodes)


def _join_operators(nodes: tuple[Node, ...]) -> str:
    return ", ".join(node.op for node in nodes)


def _iterate_unmatched(a: Program, b: Program, matching: Matching) -> Iterator[str]:
    taken = set(matching.nodes.values())
    for node in a.graph.nodes:
        if node.index not in matching.nodes:
            yield f"{node.name} ({node.op}) of A"
    for node in b.graph.nodes:
        if node.index not in taken:
            yield f"{node.name} ({node.op}) of B"


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
