"""Rules of operators that compute each element from elements at the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.compacting.channels import NUMBERS, read_constant
from prunepack.stages.compacting.rule import Rule, carry, get_input, join_axes

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir
    from onnx import ModelProto

    from prunepack.stages.compacting.channels import Channels
    from prunepack.stages.compacting.rule import Pairs

    Column = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]
    """For each channel of an operand whether it is constant, and the constants; one entry stands
    for all channels."""

__all__ = ["RULES"]

NAMES = """
Abs Add And Cast Ceil Celu Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mul Neg Not
Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Swish
Tanh ThresholdedRelu Where
"""

UNKNOWN = np.zeros(1, bool), np.zeros(1)


def _join(node: onnx_ir.Node, channels: Channels) -> None:
    """Join aligned axes of all operands with those of the output."""
    output = node.outputs[0]
    if output.shape is None:
        return
    for value in node.inputs:
        if value is not None and value.shape is not None:
            for axis in range(-value.shape.rank(), 0):
                channels.join(channels.ids(value, axis), channels.ids(output, axis))


def _fold(node: onnx_ir.Node, channels: Channels, _pairs: Pairs) -> None:
    """Compute the node on the constants of each channel."""
    output = node.outputs[0]
    for axis in range(-output.shape.rank() if output.shape is not None else 0, 0):
        ids = channels.ids(output, axis)
        columns = [_read_column(v, axis, channels) for v in node.inputs if v is not None]
        if not len(ids) or any(len(known) not in {1, len(ids)} for known, _ in columns):
            continue
        known = np.all([np.broadcast_to(known, ids.shape) for known, _ in columns], axis=0)
        if known.any():
            operands = [n if len(n) == 1 else n[known] for _, n in columns]
            numbers = _evaluate(node, operands)
            channels.known[ids[known]], channels.numbers[ids[known]] = True, numbers
        if node.op_type == "Mul":
            for zero in (each & (factors == 0) for each, factors in columns):
                chosen = ids[np.broadcast_to(zero, ids.shape)]
                channels.known[chosen], channels.numbers[chosen] = True, 0.0


def _read_column(value: onnx_ir.Value, axis: int, channels: Channels) -> Column:
    """Return the constants of an operand along an axis of the output, counted from the end."""
    rank = value.shape.rank() if value.shape is not None else 0
    constant = read_constant(value)
    if constant is not None and constant.size == 1 and constant.dtype.kind in NUMBERS:
        return np.ones(1, bool), constant.astype(np.float64).reshape(1)
    if -axis > rank:
        wholes = (ids for ids in channels.all_ids(value) if len(ids) and channels.known[ids].all())
        ids = next((ids for ids in wholes if not np.ptp(channels.numbers[ids])), None)
        return UNKNOWN if ids is None else (np.ones(1, bool), channels.numbers[ids[:1]])
    ids = channels.ids(value, axis)
    return (channels.known[ids], channels.numbers[ids]) if len(ids) else UNKNOWN


def _evaluate(
    node: onnx_ir.Node, operands: list[npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Return the output of a node for operands that are vectors, or one number each."""
    from onnx.reference import ReferenceEvaluator

    values = [value for value in node.inputs if value is not None]
    feeds = {
        str(value.name): operand.reshape(operand.shape if len(operand) > 1 else ()).astype(
            np.float32 if value.dtype is None else value.dtype.numpy()
        )
        for value, operand in zip(values, operands, strict=True)
    }
    with np.errstate(all="ignore"):
        (result,) = ReferenceEvaluator(_make_model(node, feeds)).run(None, feeds)
    return np.asarray(result).astype(np.float64)


def _make_model(node: onnx_ir.Node, feeds: dict[str, npt.NDArray[np.generic]]) -> ModelProto:
    """Return a model of one node."""
    import onnx_ir
    from onnx import helper

    proto = onnx_ir.to_proto(node)
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), None)
        for name, array in feeds.items()
    ]
    output = helper.make_empty_tensor_value_info(proto.output[0])
    graph = helper.make_graph([proto], "node", infos, [output])
    assert node.graph is not None, "it is a node of the model"
    opset = helper.make_opsetid("", node.graph.opset_imports[""])
    return helper.make_model(graph, opset_imports=[opset])


def _join_batch_norm(node: onnx_ir.Node, channels: Channels) -> None:
    if len(node.outputs) > 1:  # in training mode
        return
    join_axes(node, channels)
    for value in node.inputs[1:]:
        channels.join(channels.ids(value, 0), channels.ids(node.outputs[0], 1))


def _fold_batch_norm(node: onnx_ir.Node, channels: Channels, pairs: Pairs) -> None:
    parameters = [read_constant(value) for value in node.inputs[1:]]
    ids = channels.ids(node.outputs[0], 1)
    if not pairs or any(array is None for array in parameters) or not len(ids):
        return
    scale, bias, mean, variance = (np.asarray(array, np.float64) for array in parameters)
    source = channels.ids(node.inputs[0], 1)
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    channels.known[ids] = channels.known[source] | (scale == 0)
    channels.numbers[ids] = (channels.numbers[source] - mean) * factor + bias


def _join_first(node: onnx_ir.Node, channels: Channels) -> None:
    """Join an operator that returns its input, as Dropout does outside training."""
    training = get_input(node, 2)
    flag = read_constant(training)
    if training is None or (flag is not None and not flag.any()):
        join_axes(node, channels)


RULES = {
    **dict.fromkeys(NAMES.split(), Rule(_join, _fold)),
    "BatchNormalization": Rule(_join_batch_norm, _fold_batch_norm),
    "Dropout": Rule(_join_first, carry),
    "Identity": Rule(_join_first, carry),
}
