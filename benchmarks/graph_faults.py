"""Faults in an ONNX graph, of kinds that occur in practice, each at a random node."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

    Array = npt.NDArray[Any]

__all__ = ["KINDS", "plant"]

REPLACED = {
    "Add": "Sub",
    "Gelu": "Relu",
    "Mul": "Div",
    "ReduceMean": "ReduceMax",
    "Relu": "Sigmoid",
    "Softmax": "LogSoftmax",
}


def plant(kind: str, model: ModelProto, generator: np.random.Generator) -> str | None:
    """Change one node of ``model``, a ``ModelProto`` that holds its weights.

    Returns:
        The name of the first node that computes something else; None if no node can have
        this fault.
    """
    sites = list(KINDS[kind](model, generator))
    if not sites:
        return None
    node, change = sites[generator.integers(len(sites))]
    change()
    return str(node.name or node.output[0])


Site = tuple["NodeProto", "Callable[[], None]"]


def _make_weight_fault(
    fits: Callable[[NodeProto, int, Array], bool], change: Callable[[Array], Array]
) -> Callable[[ModelProto, np.random.Generator], Iterator[Site]]:
    """Return a fault that changes one float32 initializer, at its first reader."""

    def find_sites(model: ModelProto, generator: np.random.Generator) -> Iterator[Site]:  # noqa: ARG001
        from onnx import numpy_helper

        held = {one.name: one for one in model.graph.initializer}
        for node in model.graph.node:
            for index, name in enumerate(node.input):
                tensor = held.pop(name, None)
                array = None if tensor is None else numpy_helper.to_array(tensor)
                if array is not None and array.dtype == np.float32 and fits(node, index, array):
                    yield node, partial(_store_change, tensor, change, array)

    return find_sites


def _store_change(tensor: TensorProto, change: Callable[[Array], Array], array: Array) -> None:
    from onnx import numpy_helper

    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(array)), name))


def _is_weight(node: NodeProto, index: int, array: Array) -> bool:  # noqa: ARG001
    return array.size > 1


def _is_matrix(node: NodeProto, index: int, array: Array) -> bool:
    return node.op_type in {"Conv", "Gemm", "MatMul"} and index == 1 and array.ndim >= 2


def _is_bias(node: NodeProto, index: int, array: Array) -> bool:
    return array.ndim == 1 and array.size > 1 and (index == 2 or node.op_type == "Add")


def _is_square(node: NodeProto, index: int, array: Array) -> bool:
    return _is_matrix(node, index, array) and array.ndim == 2 and len(set(array.shape)) == 1


def _is_convolution(node: NodeProto, index: int, array: Array) -> bool:
    return _is_matrix(node, index, array) and node.op_type == "Conv"


def _scale_weights(array: Array) -> Array:
    return array * np.float32(1.001)


def _swap_channels(array: Array) -> Array:
    """Swap two channels: output channels of a convolution, columns of a matrix."""
    axis = 0 if array.ndim > 2 else 1
    order = np.arange(array.shape[axis])
    order[[0, -1]] = order[[-1, 0]]
    return array.take(order, axis)


def _scale_channel(array: Array) -> Array:
    """Scale one output channel as if BatchNorm had been folded with another one's variance."""
    scales = np.ones((len(array), *[1] * (array.ndim - 1)), array.dtype)
    scales[len(array) // 2] = 1.2
    return array * scales


def _round_to_fp16(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float32)


def _find_attributes(model: ModelProto, generator: np.random.Generator) -> Iterator[Site]:  # noqa: ARG001
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                yield node, partial(setattr, attribute, "f", 1e-3)
            elif attribute.name == "axis" and node.op_type == "Softmax":
                yield node, partial(setattr, attribute, "i", 1)
            elif attribute.name == "pads" and any(attribute.ints):
                yield node, partial(_shift_padding, attribute)


def _shift_padding(pads: AttributeProto) -> None:
    """Move the padding of every axis to its end, without a change of shape."""
    half = len(pads.ints) // 2
    total = [begin + end for begin, end in zip(pads.ints[:half], pads.ints[half:], strict=True)]
    pads.ints[:] = [0] * half + total


def _find_operators(model: ModelProto, generator: np.random.Generator) -> Iterator[Site]:  # noqa: ARG001
    for node in model.graph.node:
        if node.op_type in REPLACED:
            yield node, partial(_replace_operator, node)


def _replace_operator(node: NodeProto) -> None:
    node.op_type = REPLACED[node.op_type]
    if node.op_type == "Relu":
        del node.attribute[:]


KINDS: dict[str, Callable[[ModelProto, np.random.Generator], Iterator[Site]]] = {
    "weights nudged by 1e-3": _make_weight_fault(_is_weight, _scale_weights),
    "two channels swapped": _make_weight_fault(_is_matrix, _swap_channels),
    "bias dropped": _make_weight_fault(_is_bias, np.zeros_like),
    "square matrix transposed": _make_weight_fault(_is_square, np.transpose),
    "BatchNorm folded wrongly": _make_weight_fault(_is_convolution, _scale_channel),
    "weights through fp16": _make_weight_fault(_is_weight, _round_to_fp16),
    "attribute changed": _find_attributes,
    "operator replaced": _find_operators,
}
"""Kind of fault → its sites in a model: nodes, each with the function that changes it."""
