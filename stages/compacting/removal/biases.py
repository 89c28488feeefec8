"""Biases that take the contribution of constant channels over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.rule import get_input
from prunepack.stages.compacting.sizes import add_initializer

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

__all__ = ["add_to_bias"]


def add_to_bias(node: onnx_ir.Node, total: npt.NDArray[np.float64]) -> None:
    """Add to the outputs of a contraction, through a bias of its own.

    Args:
        node: A Conv, Gemm or MatMul whose bias is constant.
        total: The number to add to each output channel, of shape (outputs,).
    """
    holder, index = _find_bias(node, len(total))
    bias = get_input(holder, index)
    old = read_constant(bias)
    scale = holder.attributes.get_float("beta", 1.0)
    flat = np.broadcast_to(0.0 if old is None else old.astype(np.float64).reshape(-1), total.shape)
    dtype = (bias or node.inputs[1]).dtype  # type: ignore[union-attr]
    assert dtype is not None, "the weights are constant"
    new = (flat + total / scale).astype(dtype.numpy())
    name = str(bias.name if bias is not None else f"{node.outputs[0].name}.bias")
    if index >= len(holder.inputs):
        holder.resize_inputs(index + 1)
    holder.replace_input_with(index, add_initializer(node, name, new))


def _find_bias(node: onnx_ir.Node, count: int) -> tuple[onnx_ir.Node, int]:
    """Return the node and the input of a bias; behind a MatMul, an Add is found or made."""
    if node.op_type != "MatMul":
        return node, 2
    users = node.outputs[0].uses()
    for user, index in users if len(users) == 1 and not node.outputs[0].is_graph_output() else ():
        constant = read_constant(get_input(user, 1 - index))
        if user.op_type == "Add" and constant is not None and constant.shape == (count,):
            return user, 1 - index
    return _insert_add(node), 1


def _insert_add(node: onnx_ir.Node) -> onnx_ir.Node:
    import onnx_ir

    output = node.outputs[0]
    assert node.graph is not None, "it is a node of the model"
    neutral = add_initializer(node, f"{output.name}.bias", np.zeros(1, output.dtype.numpy()))  # type: ignore[union-attr]
    added = onnx_ir.node("Add", [output, neutral])
    made = added.outputs[0]
    made.shape, made.type = output.shape, output.type
    output.replace_all_uses_with(made, replace_graph_outputs=True)
    added.replace_input_with(0, output)
    made.name, output.name = output.name, f"{output.name}.product"
    node.graph.insert_after(node, added)
    return added
