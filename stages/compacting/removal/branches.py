"""Dead branches: operands that are constant are replaced by their constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.sizes import add_initializer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx_ir

    from prunepack.stages.compacting.channels import Channels

__all__ = ["cut_branches"]

OPERATORS = ("Add", "Div", "Mul", "Sub")


def cut_branches(graph: onnx_ir.Graph, channels: Channels) -> bool:
    """Put constants in the place of operands that are constant, and return whether there are any.

    The other operand must have the shape of the result. Where zero is added, the node goes too.
    """
    found = False
    for node in list(graph):
        if node.op_type in OPERATORS and node.domain in {"", "ai.onnx"}:
            found |= any(_cut(node, index, channels) for index in (0, 1))
    return found


def _cut(node: onnx_ir.Node, index: int, channels: Channels) -> bool:
    """Replace an operand by its constants if it has them, and return whether it has."""
    value, other, shape = node.inputs[index], node.inputs[1 - index], node.outputs[0].shape
    if value is None or other is None or shape is None or node.graph is None:
        return False
    is_known = all(isinstance(size, int) or size.value for size in shape)
    if not is_known or other.shape != shape or read_constant(value) is not None:
        return False
    array = _find_array(value, channels)
    if array is None or read_constant(other) is not None:
        return False
    _replace(node, index, array)
    return True


def _find_array(value: onnx_ir.Value, channels: Channels) -> npt.NDArray[np.generic] | None:
    """Return the constants of a tensor in a shape that broadcasts to it; None if it has others."""
    if value.shape is None or value.dtype is None or value.is_graph_input():
        return None
    rank = value.shape.rank()
    for axis, ids in enumerate(channels.all_ids(value)):
        if len(ids) and channels.known[ids].all():
            shape = [len(ids) if a == axis else 1 for a in range(rank)]
            return channels.numbers[ids].astype(value.dtype.numpy()).reshape(shape)
    return None


def _replace(node: onnx_ir.Node, index: int, array: npt.NDArray[np.generic]) -> None:
    output, other = node.outputs[0], node.inputs[1 - index]
    is_neutral = node.op_type == "Add" or (node.op_type == "Sub" and index == 1)
    if other is not None and is_neutral and not array.any() and not output.is_graph_output():
        output.replace_all_uses_with(other)
    else:
        name = f"{output.name}.constant"
        node.replace_input_with(index, add_initializer(node, name, array))
