"""Rules of layers: products, convolutions, pooling, normalisations, reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import ONE, Dim
from prunepack.sparse.passes.rules.elementwise import join_sizes
from prunepack.sparse.passes.values import (
    Inputs,
    Rule,
    Value,
    find_axes,
    find_axis,
    read_attribute,
    require,
    require_batched,
    require_constant,
    require_input,
    require_integers,
)

if TYPE_CHECKING:
    from prunepack.sparse.passes.description import NodeDescription

__all__ = ["LAYERS"]


def _keep_images(node: NodeDescription, inputs: Inputs) -> Value:
    """Convolve, pool or normalise each sample, whose channels are on axis 1."""
    x = require_batched(inputs)
    require(x.rank >= 2, "no axis of channels")
    require_constant(inputs, 1)
    require(not any(node.outputs[1:]), "positions in the whole batch")
    return Value((x.shape[0], *(None,) * (x.rank - 1)))


def _normalise_batch(node: NodeDescription, inputs: Inputs) -> Value:
    require(node.version >= 7 and not read_attribute(node, "training_mode", 0), "training mode")
    _keep_images(node, inputs)
    return Value(require_input(inputs, 0).dims)


def _normalise_layer(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require(find_axis(node, x.rank, -1) > 0, "a normalisation across samples")
    require_constant(inputs, 1)
    for value in inputs[1:]:
        require(value is None or value.adds_to(x.rank), "a parameter per sample")
    require(not any(node.outputs[1:]), "statistics as outputs")
    return Value(x.dims)


def _normalise_axis(node: NodeDescription, inputs: Inputs) -> Value:
    """Apply softmax and its like; before opset 13 they flatten the axes around theirs."""
    x = require_batched(inputs)
    default = 1 if node.version < 13 and node.op != "LpNormalization" else -1
    require(find_axis(node, x.rank, default) > 0, "a normalisation across samples")
    return Value(x.dims)


def _accumulate(_node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axes = require_integers(inputs, 1) or []
    require(len(axes) == 1 and -x.rank <= axes[0] < x.rank and axes[0] % x.rank > 0, "axis 0")
    return Value(x.dims)


def _multiply_gemm(node: NodeDescription, inputs: Inputs) -> Value:
    a = require_batched(inputs)
    require(a.rank == 2 and not read_attribute(node, "transA", 0), "a transposed batch")
    require_constant(inputs[:2], 1)
    require(node.version >= 7, "an old form of broadcasting")
    for bias in filter(None, inputs[2:]):
        aligned = bias.rank == 2 and bias.shape[0] == a.shape[0]
        require(aligned if bias.is_batched else bias.adds_to(2), "batches on different axes")
    b = require_input(inputs, 1)
    transposed = read_attribute(node, "transB", 0)
    columns = b.shape[0 if transposed else 1] if b.rank == 2 else None
    return Value((a.shape[0], columns))


def _multiply_matrices(_node: NodeDescription, inputs: Inputs) -> Value:
    a, b = require_input(inputs, 0), require_input(inputs, 1)
    rank = max(a.rank, b.rank)
    require(min(a.rank, b.rank) >= 1, "a scalar operand")
    if a.is_batched and b.is_batched:
        same = a.rank == b.rank >= 3 and a.shape[0] == b.shape[0]
        require(same, "a product across samples")
    elif a.is_batched:
        require(a.rank >= 2 and a.rank == rank, "a product across samples")
        require(rank == 2 or b.adds_to(rank), "a matrix per sample")
    else:
        require(b.rank >= 3 and b.rank == rank, "a product across samples")
        require(a.adds_to(rank), "a matrix per sample")
    return Value(_shape_product(a, b, rank))


def _shape_product(a: Value, b: Value, rank: int) -> tuple[Dim | None, ...]:
    first = a.shape[0] if a.is_batched else b.shape[0]
    if a.rank == 1 or b.rank == 1:
        return (first, *(None,) * (rank - 2))
    stack = (join_sizes([a, b], axis - rank) for axis in range(1, rank - 2))
    rows = (a.shape[-2],) if rank > 2 else ()
    return (first, *stack, *rows, b.shape[-1])


def _reduce(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axes = find_axes(node, inputs, 1, x.rank)
    if not axes:
        require(read_attribute(node, "noop_with_empty_axes", 0) == 1, "a reduction of all axes")
        return Value(x.dims)
    require(0 not in axes, "a reduction across samples")
    return Value(_drop(x, axes, keeps=read_attribute(node, "keepdims", 1) != 0))


def _pick(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axis = find_axis(node, x.rank, 0)
    require(axis > 0, "a choice among samples")
    return Value(_drop(x, [axis], keeps=read_attribute(node, "keepdims", 1) != 0))


def _drop(x: Value, axes: list[int], *, keeps: bool) -> tuple[Dim | None, ...]:
    if keeps:
        return tuple(ONE if axis in axes else size for axis, size in enumerate(x.shape))
    return tuple(size for axis, size in enumerate(x.shape) if axis not in axes)


def _take_largest(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require_constant(inputs, 1)
    axis = find_axis(node, x.rank, -1)
    require(axis > 0, "a choice among samples")
    return Value(tuple(None if i == axis else size for i, size in enumerate(x.shape)))


def _quantise(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require_constant(inputs, 1)
    scale = require_input(inputs, 1)
    require(scale.rank <= 1, "scales of blocks")
    require(scale.rank == 0 or find_axis(node, x.rank, 1) > 0, "a scale per sample")
    return Value(x.dims)


def _drop_out(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require(len(inputs) < 3 or inputs[2] is None, "training mode")
    require(node.version >= 7 and not any(node.outputs[1:]), "training mode")
    return Value(x.dims)


IMAGES = """
AveragePool Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool
GroupNormalization InstanceNormalization LRN LpPool MaxPool SpaceToDepth
"""

REDUCTIONS = """
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare
"""

LAYERS: dict[str, Rule] = {
    **dict.fromkeys(IMAGES.split(), _keep_images),
    **dict.fromkeys(REDUCTIONS.split(), _reduce),
    **dict.fromkeys(["Hardmax", "LogSoftmax", "LpNormalization", "Softmax"], _normalise_axis),
    **dict.fromkeys(["LayerNormalization", "RMSNormalization"], _normalise_layer),
    **dict.fromkeys(["ArgMax", "ArgMin"], _pick),
    **dict.fromkeys(["DequantizeLinear", "QuantizeLinear"], _quantise),
    "BatchNormalization": _normalise_batch,
    "CumSum": _accumulate,
    "Dropout": _drop_out,
    "Gemm": _multiply_gemm,
    "MatMul": _multiply_matrices,
    "TopK": _take_largest,
}
