"""Removal of dead channels from the tensors and nodes of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.removal.biases import add_to_bias
from prunepack.stages.compacting.removal.resizing import resize_node

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    from prunepack.stages.compacting.analysis import Analysis

__all__ = ["Kept", "remove_dead"]

Kept = dict[str, dict[int, "npt.NDArray[np.int64]"]]
"""The indices that remain, by initializer and axis; only of axes that lost some."""


def remove_dead(graph: onnx_ir.Graph, analysis: Analysis) -> Kept:
    """Remove the dead channels, and return the remaining indices of the initializers."""
    channels, dead = analysis.channels, analysis.dead
    for node in list(graph):
        resize_node(node, channels, dead)
    for node, contraction in channels.contractions.items():
        merged = contraction.merge_into_carrier(channels, dead)
        if merged is not None:
            _set_weights(node, merged)
    kept: Kept = {}
    for value, axis, ids in list(channels.axes()):
        if dead[ids].any():
            remaining = np.flatnonzero(~dead[ids])
            _slice_value(value, axis, remaining)
            if value.is_initializer():
                kept.setdefault(str(value.name), {})[axis] = remaining
    for node, contraction in channels.contractions.items():
        total = contraction.sum_constants(channels, dead[contraction.data])
        of_living = total[~dead[contraction.outputs]]
        if contraction.covers and of_living.any():
            add_to_bias(node, of_living)
    return kept


def _set_weights(node: onnx_ir.Node, weights: npt.NDArray[np.generic]) -> None:
    import onnx_ir

    value = node.inputs[1]
    old = read_constant(value)
    if value is not None and old is not None:
        value.const_value = onnx_ir.tensor(weights.reshape(old.shape), name=value.name)


def _slice_value(value: onnx_ir.Value, axis: int, remaining: npt.NDArray[np.int64]) -> None:
    import onnx_ir

    assert value.shape is not None, "its axes are numbered"
    value.shape = onnx_ir.Shape(
        [len(remaining) if a == axis else size for a, size in enumerate(value.shape)]
    )
    array = read_constant(value)
    if array is not None:
        taken = np.ascontiguousarray(array.take(remaining, axis))
        value.const_value = onnx_ir.tensor(taken, name=value.name)
