"""Attributes and inputs of nodes that hold sizes, after channels are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import Channels, read_constant
from prunepack.stages.compacting.operators.movement import find_slices
from prunepack.stages.compacting.operators.table import find_rule
from prunepack.stages.compacting.rule import get_input
from prunepack.stages.compacting.sizes import add_initializer, read_sizes, write_sizes

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    Dead = npt.NDArray[np.bool_]

__all__ = ["resize_node"]


def resize_node(node: onnx_ir.Node, channels: Channels, dead: Dead) -> None:
    """Adapt the sizes that a node states to its channels without the ``dead`` ones."""
    rule = find_rule(node)
    if node.op_type in {"Conv", "ConvTranspose"}:
        _resize_groups(node, channels, dead)
    elif node.op_type == "Split":
        _resize_split(node, channels, dead)
    elif node.op_type == "Slice":
        _resize_slice(node, channels, dead)
    elif rule is not None and rule.sizes is not None:
        _resize_output(node, rule.sizes, channels, dead)


def _resize_groups(node: onnx_ir.Node, channels: Channels, dead: Dead) -> None:
    contraction = channels.contractions.get(node)
    if contraction is not None and len(contraction.data) > 1:
        groups = int((~dead[contraction.data]).any(1).sum())
        if groups < len(contraction.data):
            node.attributes.add(_make_attribute("group", groups))


def _make_attribute(name: str, value: int) -> onnx_ir.Attr:
    import onnx_ir

    return onnx_ir.AttrInt64(name, value)


def _resize_output(node: onnx_ir.Node, index: int, channels: Channels, dead: Dead) -> None:
    """Adapt the list of the sizes of an output, but not -1 and 0, which are computed."""
    sizes = {}
    entries = read_sizes(get_input(node, index))
    for place, entry in enumerate(entries):
        ids = channels.ids(node.outputs[0], place - len(entries))
        if entry is not None and entry > 0 and dead[ids].any():
            sizes[place] = int((~dead[ids]).sum())
    if sizes:
        write_sizes(node, index, sizes)


def _resize_split(node: onnx_ir.Node, channels: Channels, dead: Dead) -> None:
    axis = node.attributes.get_int("axis", 0)
    parts = [channels.ids(output, axis) for output in node.outputs]
    if not any(dead[ids].any() for ids in parts):
        return
    counts = np.array([int((~dead[ids]).sum()) for ids in parts], np.int64)
    if len(node.inputs) < 2:
        node.resize_inputs(2)
    node.attributes.pop("num_outputs", None)
    node.replace_input_with(1, add_initializer(node, f"{node.outputs[0].name}.split", counts))


def _resize_slice(node: onnx_ir.Node, channels: Channels, dead: Dead) -> None:
    axes = read_constant(get_input(node, 3))
    changed: tuple[dict[int, int], dict[int, int]] = {}, {}
    for axis, bounds in (find_slices(node) or {}).items():
        ids, rank = channels.ids(node.inputs[0], axis), node.inputs[0].shape.rank()  # type: ignore[union-attr]
        places = [axis] if axes is None else np.flatnonzero(axes % rank == axis)
        if dead[ids].any():
            for sizes, bound in zip(changed, bounds, strict=True):
                sizes[int(places[0])] = int((~dead[ids[:bound]]).sum())
    for index, sizes in enumerate(changed, 1):
        if sizes:
            write_sizes(node, index, sizes)
