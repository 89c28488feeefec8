"""Compaction of an ONNX model: dead channels, neurons, heads and branches are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.analysis import analyze
from prunepack.stages.compacting.preparation import (
    clean_model,
    complete_model,
    copy_initializers,
    merge_copies,
)
from prunepack.stages.compacting.removal.branches import cut_branches
from prunepack.stages.compacting.removal.rewriting import Kept, remove_dead

if TYPE_CHECKING:
    import onnx_ir

__all__ = ["compact_model"]


def compact_model(model: onnx_ir.Model) -> Kept | None:
    """Remove the dead parts of a model, in place.

    Returns:
        The indices that remain, by initializer and axis, for those that lost some; None if nothing
        is dead, and the model is as it was.
    """
    complete_model(model)
    copies = copy_initializers(model.graph)
    kept: Kept = {}
    has_changed = False
    while _remove_once(model, kept):  # a removal can make finer ones possible
        has_changed = True
    merge_copies(copies)
    clean_model(model)
    return kept if has_changed else None


def _remove_once(model: onnx_ir.Model, kept: Kept) -> bool:
    """Remove what one analysis finds, and return whether there is anything."""
    analysis = analyze(model.graph)
    if not cut_branches(model.graph, analysis.channels):
        if not analysis.dead.any():
            return False
        for name, axes in remove_dead(model.graph, analysis).items():
            earlier = kept.setdefault(name, {})
            for axis, indices in axes.items():
                earlier[axis] = earlier[axis][indices] if axis in earlier else indices
    clean_model(model)
    return True
