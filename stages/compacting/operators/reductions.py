"""Rules of operators over positions: pooling, reductions, softmax, normalization, Resize."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.rule import Rule, carry, carry_zero, get_input, join_axes
from prunepack.stages.compacting.sizes import read_sizes

if TYPE_CHECKING:
    import onnx_ir

    from prunepack.stages.compacting.channels import Channels
    from prunepack.stages.compacting.rule import Pairs

__all__ = ["RULES"]


def _join_pool(node: onnx_ir.Node, channels: Channels) -> None:
    """Join samples and channels; the positions have a window each."""
    if len(node.outputs) > 1:
        return
    for axis in range(2):
        channels.join(channels.ids(node.inputs[0], axis), channels.ids(node.outputs[0], axis))


def _fold_average(node: onnx_ir.Node, channels: Channels, pairs: Pairs) -> None:
    """Keep constants, unless zeros around the borders take part in the averages."""
    counted = node.attributes.get_int("count_include_pad", 0)
    (carry_zero if counted else carry)(node, channels, pairs)


def _join_reduction(node: onnx_ir.Node, channels: Channels) -> None:
    value, output = node.inputs[0], node.outputs[0]
    axes = read_constant(get_input(node, 1))
    given = node.attributes.get_ints("axes", ()) if axes is None else axes.tolist()
    if value is None or value.shape is None or output.shape is None or not given:
        return
    rank = value.shape.rank()
    reduced = {int(axis) % rank for axis in given}
    if node.attributes.get_int("keepdims", 1):
        places = {axis: axis for axis in range(rank)}
    else:
        places = {axis: axis - sum(r < axis for r in reduced) for axis in range(rank)}
    for axis in set(range(rank)) - reduced:
        channels.join(channels.ids(value, axis), channels.ids(output, places[axis]))


def _join_softmax(node: onnx_ir.Node, channels: Channels) -> None:
    if node.graph is None or node.graph.opset_imports[""] >= 13:
        join_axes(node, channels, (node.attributes.get_int("axis", -1),))


def _join_layer_norm(node: onnx_ir.Node, channels: Channels) -> None:
    """Join the axes before the normalized ones, which depend on all of their channels."""
    value = node.inputs[0]
    if value is None or value.shape is None or any(o.uses() for o in node.outputs[1:]):
        return
    rank = value.shape.rank()
    first = node.attributes.get_int("axis", -1) % rank
    join_axes(node, channels, tuple(range(first, rank)))


def _join_instance_norm(node: onnx_ir.Node, channels: Channels) -> None:
    join_axes(node, channels)
    for value in node.inputs[1:]:
        channels.join(channels.ids(value, 0), channels.ids(node.outputs[0], 1))


def _fold_instance_norm(node: onnx_ir.Node, channels: Channels, pairs: Pairs) -> None:
    """Return the bias where all elements are zero; other constants leave a rounding error."""
    scale, bias = (read_constant(get_input(node, index)) for index in (1, 2))
    ids, source = channels.ids(node.outputs[0], 1), channels.ids(node.inputs[0], 1)
    if pairs and bias is not None and len(source) == len(ids) == len(bias):
        zero = channels.known[source] & (channels.numbers[source] == 0)
        known = zero | (scale == 0 if scale is not None else False)
        channels.known[ids[known]] = True
        channels.numbers[ids[known]] = bias.astype(np.float64)[known]


def _join_resize(node: onnx_ir.Node, channels: Channels) -> None:
    """Join the axes that keep their size."""
    value, output = node.inputs[0], node.outputs[0]
    if value is None or value.shape is None or output.shape is None:
        return
    if {"axes", "keep_aspect_ratio_policy"} & node.attributes.keys():
        return
    scales, sizes = read_constant(get_input(node, 2)), read_sizes(get_input(node, 3))
    for axis in range(value.shape.rank()):
        entry = sizes[axis] if sizes else None
        if (scales is not None and scales.size and scales[axis] == 1) or entry is not None:
            channels.join(channels.ids(value, axis), channels.ids(output, axis))


def _fold_resize(node: onnx_ir.Node, channels: Channels, pairs: Pairs) -> None:
    keeps = node.attributes.get_string("mode", "nearest") in {"nearest", "linear"}
    extrapolates = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    keeps &= extrapolates != "tf_crop_and_resize"
    (carry if keeps else carry_zero)(node, channels, pairs)


RULES = {
    **dict.fromkeys(("MaxPool", "GlobalAveragePool", "GlobalMaxPool"), Rule(_join_pool, carry)),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin"), Rule(_join_reduction, carry)),
    **dict.fromkeys(
        ("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare"), Rule(_join_reduction, carry_zero)
    ),
    **dict.fromkeys(("Softmax", "LogSoftmax"), Rule(_join_softmax)),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), Rule(_join_layer_norm)),
    "AveragePool": Rule(_join_pool, _fold_average),
    "InstanceNormalization": Rule(_join_instance_norm, _fold_instance_norm),
    "Resize": Rule(_join_resize, _fold_resize, sizes=3),
}
