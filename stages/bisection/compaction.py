"""Bisection of a compacted file: the reference without its dead channels has the same shapes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.compacting.compaction import compact_model
from prunepack.stages.graph_diff.matching import match_graphs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.bisection.program import Program
    from prunepack.stages.graph_diff.graph import Constant, NodeGraph
    from prunepack.stages.graph_diff.matching import Matching

__all__ = ["compact_reference", "has_fewer_channels"]


def compact_reference(a: Program, b: Program) -> OnnxProgram | None:
    """Return the ONNX graph of ``a`` without its dead channels, if it then has the shapes of ``b``.

    A compacted file has other tensors between its layers than the model before, although both
    compute the same. After the reference is compacted too, all tensors can be compared.

    Returns:
        None if nothing in ``a`` is dead, or ``b`` lacks other channels.
    """
    compacted = _compact(a.exported)
    if compacted is None:
        return None
    matching = match_graphs(compacted.graph, b.graph)
    shapes = _iterate_shapes(compacted.graph, b.graph, matching)
    return compacted if all(x == y for x, y in shapes) else None


def has_fewer_channels(a: NodeGraph, b: NodeGraph, matching: Matching) -> bool:
    """Return whether a constant of a node in ``a`` is smaller in ``b``."""
    return any(
        len(x) == len(y) and x != y and all(m <= n for m, n in zip(y, x, strict=True))
        for x, y in _iterate_shapes(a, b, matching)
    )


def _iterate_shapes(
    a: NodeGraph, b: NodeGraph, matching: Matching
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield the shapes of each constant that two matched nodes read at the same place."""
    for index, other in matching.nodes.items():
        for x, y in zip(a.nodes[index].inputs, b.nodes[other].inputs, strict=False):
            if x in a.constants and y in b.constants:
                yield _get_shape(a.constants[x]), _get_shape(b.constants[y])


def _get_shape(constant: Constant) -> tuple[int, ...]:
    return tuple(getattr(constant, "dims", ()))


def _compact(program: OnnxProgram) -> OnnxProgram | None:
    """Return a program without its dead channels; None if there are none, or it cannot be read."""
    import onnx_ir

    if program.graph.model.graph.sparse_initializer:
        return None
    try:
        model = onnx_ir.from_proto(program.load_model())
    except (KeyError, NotImplementedError, TypeError, ValueError):
        return None
    if compact_model(model) is None:
        return None
    return OnnxProgram(onnx_ir.to_proto(model), Path(), f"{program.label} (compacted)")
