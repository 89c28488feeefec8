"""Small faults in an ONNX graph, each of a kind that really happens, at a random node."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

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


def plant(kind: str, model: Any, generator: np.random.Generator) -> str | None:
    """Change one node of ``model``, a ``ModelProto`` that holds its weights.

    Returns:
        The name of the first node that computes something else now; None if no node can have
        this fault.
    """
    places = list(KINDS[kind](model, generator))
    if not places:
        return None
    node, change = places[generator.integers(len(places))]
    change()
    return str(node.name or node.output[0])


Place = tuple[Any, "Callable[[], None]"]


def _on_weights(
    fits: Callable[[Any, int, Array], bool], changed: Callable[[Array], Array]
) -> Callable[[Any, np.random.Generator], Iterator[Place]]:
    """Return a fault that changes one floating-point initializer, at its first reader."""

    def places(model: Any, generator: np.random.Generator) -> Iterator[Place]:  # noqa: ARG001
        from onnx import numpy_helper

        held = {one.name: one for one in model.graph.initializer}
        for node in model.graph.node:
            for index, name in enumerate(node.input):
                tensor = held.pop(name, None)
                array = None if tensor is None else numpy_helper.to_array(tensor)
                if array is not None and array.dtype == np.float32 and fits(node, index, array):
                    yield node, partial(_store, tensor, changed, array)

    return places


def _store(tensor: Any, changed: Callable[[Array], Array], array: Array) -> None:
    from onnx import numpy_helper

    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(changed(array)), name))


def _is_weight(node: Any, index: int, array: Array) -> bool:  # noqa: ARG001
    return array.size > 1


def _is_matrix(node: Any, index: int, array: Array) -> bool:
    return node.op_type in {"Conv", "Gemm", "MatMul"} and index == 1 and array.ndim >= 2


def _is_bias(node: Any, index: int, array: Array) -> bool:
    return array.ndim == 1 and array.size > 1 and (index == 2 or node.op_type == "Add")


def _is_square(node: Any, index: int, array: Array) -> bool:
    return _is_matrix(node, index, array) and array.ndim == 2 and len(set(array.shape)) == 1


def _is_convolution(node: Any, index: int, array: Array) -> bool:
    return _is_matrix(node, index, array) and node.op_type == "Conv"


def _nudged(array: Array) -> Array:
    return array * np.float32(1.001)


def _swapped(array: Array) -> Array:
    """Swap two channels: rows of a Conv or a Gemm with a transposed weight, columns else."""
    axis = 0 if array.ndim > 2 else 1
    order = np.arange(array.shape[axis])
    order[[0, -1]] = order[[-1, 0]]
    return array.take(order, axis)


def _one_channel_scaled(array: Array) -> Array:
    """Scale one output channel as if BatchNorm had been folded with another one's variance."""
    scales = np.ones((len(array), *[1] * (array.ndim - 1)), array.dtype)
    scales[len(array) // 2] = 1.2
    return array * scales


def _through_fp16(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float32)


def _attributes(model: Any, generator: np.random.Generator) -> Iterator[Place]:  # noqa: ARG001
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                yield node, partial(setattr, attribute, "f", 1e-3)
            elif attribute.name == "axis" and node.op_type == "Softmax":
                yield node, partial(setattr, attribute, "i", 1)
            elif attribute.name == "pads" and any(attribute.ints):
                yield node, partial(_shift, attribute)


def _shift(pads: Any) -> None:
    """Move the padding of every axis to its end; the shape stays."""
    half = len(pads.ints) // 2
    total = [begin + end for begin, end in zip(pads.ints[:half], pads.ints[half:], strict=True)]
    pads.ints[:] = [0] * half + total


def _operators(model: Any, generator: np.random.Generator) -> Iterator[Place]:  # noqa: ARG001
    for node in model.graph.node:
        if node.op_type in REPLACED:
            yield node, partial(_replace, node)


def _replace(node: Any) -> None:
    node.op_type = REPLACED[node.op_type]
    if node.op_type == "Relu":
        del node.attribute[:]


KINDS: dict[str, Callable[[Any, np.random.Generator], Iterator[Place]]] = {
    "weights nudged by 1e-3": _on_weights(_is_weight, _nudged),
    "two channels swapped": _on_weights(_is_matrix, _swapped),
    "bias dropped": _on_weights(_is_bias, np.zeros_like),
    "square matrix transposed": _on_weights(_is_square, np.transpose),
    "BatchNorm folded wrongly": _on_weights(_is_convolution, _one_channel_scaled),
    "weights through fp16": _on_weights(_is_weight, _through_fp16),
    "attribute changed": _attributes,
    "operator replaced": _operators,
}
"""Kind of fault → its places in a model: nodes, and what changes each."""
