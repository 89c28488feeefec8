"""Rules of convolutions and products of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.contraction import Contraction
from prunepack.stages.compacting.rule import Rule, get_input

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    from prunepack.stages.compacting.channels import Channels, Ids
    from prunepack.stages.compacting.rule import Pairs

__all__ = ["RULES", "is_cut_by_group"]


def is_cut_by_group(node: onnx_ir.Node) -> bool:
    """Return whether whole groups of a grouped convolution are removed, not parts of each.

    That is so for depthwise convolutions, and where all weights of a group are zero.
    """
    groups, weights = node.attributes.get_int("group", 1), read_constant(get_input(node, 1))
    if weights is None or groups == 1:
        return False
    parts = weights.reshape(groups, -1)
    is_depthwise = weights.shape[0 if node.op_type == "ConvTranspose" else 1] in {1, groups}
    return is_depthwise or not (parts != 0).any(1).all()


def _join_convolution(node: onnx_ir.Node, channels: Channels) -> None:
    transposed = node.op_type == "ConvTranspose"
    data, output = channels.ids(node.inputs[0], 1), channels.ids(node.outputs[0], 1)
    weights = read_constant(get_input(node, 1))
    groups = node.attributes.get_int("group", 1)
    if weights is None or not len(data) or not len(output):
        return
    channels.join(channels.ids(node.inputs[0], 0), channels.ids(node.outputs[0], 0))
    channels.join(channels.ids(get_input(node, 2), 0), output)
    whole = data if transposed else output
    part = output if transposed else data
    inner = channels.ids(node.inputs[1], 1)
    channels.join(channels.ids(node.inputs[1], 0), whole)
    _join_groups(channels, whole.reshape(groups, -1), part.reshape(groups, -1), inner, node)
    cut = weights.reshape(groups, -1, *weights.shape[1:2], int(np.prod(weights.shape[2:])))
    channels.contractions[node] = Contraction(
        data.reshape(groups, -1),
        output.reshape(groups, -1),
        cut.swapaxes(1, 2) if transposed else cut,
        bias=_read_bias(node, output).reshape(groups, -1) if _has_constant_bias(node) else None,
        covers=not transposed and not _is_padded(node) and _has_constant_bias(node),
        can_carry=not transposed and groups == 1 and _is_own(node.inputs[1]),
    )


def _is_own(value: onnx_ir.Value | None) -> bool:
    """Return whether one node alone reads a tensor."""
    return value is not None and len(value.uses()) == 1


def _join_groups(channels: Channels, whole: Ids, part: Ids, inner: Ids, node: onnx_ir.Node) -> None:
    """Join the groups of a convolution, or the same places of all groups."""
    groups = len(whole)
    if groups == 1:
        channels.join(inner, part[0])
    elif is_cut_by_group(node):
        for side in (whole, part):
            channels.join(np.repeat(whole[:, 0], side.shape[1]), side.ravel())
    else:
        for group in range(groups):
            channels.join(inner, part[group])
            channels.join(whole[0], whole[group])


def _is_padded(node: onnx_ir.Node) -> bool:
    padding = node.attributes.get_ints("pads", ())
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    return any(padding) or automatic not in {"NOTSET", "VALID"}


def _has_constant_bias(node: onnx_ir.Node) -> bool:
    bias = get_input(node, 2)
    return bias is None or read_constant(bias) is not None


def _read_bias(node: onnx_ir.Node, outputs: Ids) -> npt.NDArray[np.float64]:
    """Return the constant bias of each output; zero without one."""
    bias = read_constant(get_input(node, 2))
    return np.zeros(len(outputs)) if bias is None else bias.astype(np.float64)


def _join_gemm(node: onnx_ir.Node, channels: Channels) -> None:
    flip_data, flip = (bool(node.attributes.get_int(name, 0)) for name in ("transA", "transB"))
    first, second, output = node.inputs[0], node.inputs[1], node.outputs[0]
    data, outputs = channels.ids(first, int(not flip_data)), channels.ids(output, 1)
    weights = read_constant(second)
    bias = get_input(node, 2)
    channels.join(channels.ids(first, int(flip_data)), channels.ids(output, 0))
    channels.join(channels.ids(second, int(not flip)), outputs)
    channels.join(channels.ids(second, int(flip)), data)
    if bias is not None and bias.shape is not None and bias.shape.rank():
        channels.join(channels.ids(bias, -1), outputs)
    if weights is None or not len(data) or not len(outputs):
        channels.pin(data)
        return
    factor = np.asarray(node.attributes.get_float("alpha", 1.0), weights.dtype)
    oriented = (weights if flip else weights.T) * factor
    added = _read_gemm_bias(node, len(outputs))
    channels.contractions[node] = Contraction(
        data[None], outputs[None], oriented[None, ..., None], bias=added, covers=added is not None
    )


def _read_gemm_bias(node: onnx_ir.Node, count: int) -> npt.NDArray[np.float64] | None:
    """Return the constant bias of each output; None if it is computed, or differs by row."""
    bias, given = read_constant(get_input(node, 2)), get_input(node, 2)
    if given is None:
        return np.zeros((1, count))
    if not node.attributes.get_float("beta", 1.0) or bias is None:
        return None
    if bias.size not in {1, count} or bias.shape[-1:] not in {(), (1,), (count,)}:
        return None
    scaled = node.attributes.get_float("beta", 1.0) * bias.astype(np.float64)
    return np.broadcast_to(scaled.reshape(1, -1), (1, count))


def _join_matmul(node: onnx_ir.Node, channels: Channels) -> None:
    first, second, output = node.inputs[0], node.inputs[1], node.outputs[0]
    if any(v is None or v.shape is None or v.shape.rank() < 2 for v in (first, second, output)):
        return
    assert first is not None
    assert second is not None
    for value in (first, second):
        for axis in range(-value.shape.rank(), -2):  # type: ignore[union-attr]
            channels.join(channels.ids(value, axis), channels.ids(output, axis))
    rows, columns = channels.ids(output, -2), channels.ids(output, -1)
    channels.join(channels.ids(first, -2), rows)
    channels.join(channels.ids(second, -1), columns)
    left, right = channels.ids(first, -1), channels.ids(second, -2)
    channels.join(left, right)
    arrays = [read_constant(value) for value in (first, second)]
    if arrays[1] is not None and arrays[1].ndim == 2:
        made = Contraction(left[None], columns[None], arrays[1].T[None, ..., None])
    elif arrays[0] is not None and arrays[0].ndim == 2:
        made = Contraction(right[None], rows[None], arrays[0][None, ..., None], covers=False)
    else:
        made = Contraction(left[None], columns[None], other=right[None])
    if made.weights is not None and made.outputs.size:
        made.bias = np.zeros(made.outputs.shape)
    if made.data.size:
        channels.contractions[node] = made


def _fold(node: onnx_ir.Node, channels: Channels, _pairs: Pairs) -> None:
    if node in channels.contractions:
        channels.contractions[node].fold(channels)


def _fold_matmul(node: onnx_ir.Node, channels: Channels, pairs: Pairs) -> None:
    """Mark outputs that read constants only, and those with a factor of zero."""
    _fold(node, channels, pairs)
    outputs = [ids for ids in channels.all_ids(node.outputs[0]) if len(ids)]
    for first, second in pairs:
        if outputs and np.isin(second, np.concatenate(outputs)).all():
            zero = second[channels.known[first] & (channels.numbers[first] == 0)]
            channels.known[zero], channels.numbers[zero] = True, 0.0


RULES = {
    "Conv": Rule(_join_convolution, _fold),
    "ConvTranspose": Rule(_join_convolution, _fold),
    "Gemm": Rule(_join_gemm, _fold),
    "MatMul": Rule(_join_matmul, _fold_matmul),
}
