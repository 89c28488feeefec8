"""Rules of operators that move elements: Concat, Split, Slice, Gather, Transpose, Pad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import read_constant, size_of
from prunepack.stages.compacting.rule import Rule, carry, carry_zero, get_input, join_axes

if TYPE_CHECKING:
    import onnx_ir

    from prunepack.stages.compacting.channels import Channels

__all__ = ["RULES", "find_slices"]


def _join_concat(node: onnx_ir.Node, channels: Channels) -> None:
    output = node.outputs[0]
    if output.shape is None:
        return
    axis, start = node.attributes.get_int("axis", 0) % output.shape.rank(), 0
    whole = channels.ids(output, axis)
    for value in node.inputs:
        if value is None or value.shape is None:
            return
        for other in set(range(output.shape.rank())) - {axis}:
            channels.join(channels.ids(value, other), channels.ids(output, other))
        ids = channels.ids(value, axis)
        channels.join(ids, whole[start : start + len(ids)])
        start += len(ids)


def _join_split(node: onnx_ir.Node, channels: Channels) -> None:
    value = node.inputs[0]
    if value is None or value.shape is None or "split" in node.attributes:  # before opset 13
        return
    axis, start = node.attributes.get_int("axis", 0) % value.shape.rank(), 0
    whole = channels.ids(value, axis)
    for output in node.outputs:
        for other in set(range(value.shape.rank())) - {axis}:
            channels.join(channels.ids(value, other), channels.ids(output, other))
        ids = channels.ids(output, axis)
        channels.join(whole[start : start + len(ids)], ids)
        start += len(ids)


def _join_transpose(node: onnx_ir.Node, channels: Channels) -> None:
    value = node.inputs[0]
    if value is None or value.shape is None:
        return
    order = node.attributes.get_ints("perm", tuple(reversed(range(value.shape.rank()))))
    for axis, source in enumerate(order):
        channels.join(channels.ids(value, source), channels.ids(node.outputs[0], axis))


def _join_gather(node: onnx_ir.Node, channels: Channels) -> None:
    table, indices, output = node.inputs[0], node.inputs[1], node.outputs[0]
    if table is None or table.shape is None or output.shape is None:
        return
    if indices is None or indices.shape is None:
        return
    rank, inserted = table.shape.rank(), indices.shape.rank()
    chosen = node.attributes.get_int("axis", 0) % rank
    for axis in range(rank):
        if axis != chosen:
            place = axis + (inserted - 1) * (axis > chosen)
            channels.join(channels.ids(table, axis), channels.ids(output, place))


def find_slices(node: onnx_ir.Node) -> dict[int, tuple[int, int]] | None:
    """Return start and end by axis, for the static axes of a Slice; None if it is not constant."""
    value = node.inputs[0]
    given = [read_constant(get_input(node, index)) for index in range(1, 5)]
    if value is None or value.shape is None or given[0] is None or given[1] is None:
        return None
    count = len(given[0])
    if any(array is None and get_input(node, index) for index, array in enumerate(given, 1)):
        return None
    axes = np.arange(count) if given[2] is None else given[2]
    steps = np.ones(count, int) if given[3] is None else given[3]
    found = {}
    for axis, start, end, step in zip(axes, given[0], given[1], steps, strict=True):
        size = size_of(value, int(axis))
        if size is not None:
            bounds = slice(int(start), int(end), int(step)).indices(size)
            if step != 1 or bounds[0] >= bounds[1]:
                return None
            found[int(axis) % value.shape.rank()] = bounds[0], bounds[1]
    return found


def _join_slice(node: onnx_ir.Node, channels: Channels) -> None:
    slices, value = find_slices(node), node.inputs[0]
    if slices is None or value is None or value.shape is None:
        return
    for axis in range(value.shape.rank()):
        start, end = slices.get(axis, (0, None))
        ids = channels.ids(value, axis)
        channels.touch(ids)
        channels.join(ids[start:end], channels.ids(node.outputs[0], axis))


def _join_pad(node: onnx_ir.Node, channels: Channels) -> None:
    """Join the axes without padding; only zeros stay constant, if zeros are put around them."""
    pads, value = read_constant(get_input(node, 1)), node.inputs[0]
    filled = read_constant(get_input(node, 2))
    is_zero = get_input(node, 2) is None or (filled is not None and not filled.any())
    if pads is None or value is None or value.shape is None or get_input(node, 3) or not is_zero:
        return
    ends = pads.reshape(2, -1)
    join_axes(node, channels, tuple(np.flatnonzero(ends.any(0)).tolist()))


RULES = {
    "Concat": Rule(_join_concat, carry),
    "Gather": Rule(_join_gather, carry),
    "Pad": Rule(_join_pad, carry_zero),
    "Slice": Rule(_join_slice, carry),
    "Split": Rule(_join_split, carry),
    "Transpose": Rule(_join_transpose, carry),
}
