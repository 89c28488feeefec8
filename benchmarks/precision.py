"""Conversion of an ONNX model's weights to float16, or to int8 with a scale per output channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt
    import onnx

    Array = npt.NDArray[Any]

__all__ = ["quantize", "to_float16", "to_int8"]


def to_float16(model: onnx.ModelProto) -> None:
    """Store every float32 weight with two or more dimensions as float16 behind Cast.

    Raises:
        FloatingPointError: If a weight exceeds the range of float16.
    """
    import onnx

    def store(name: str, array: Array, _: int) -> tuple[dict[str, Array], onnx.NodeProto]:
        with np.errstate(over="raise"):
            half = array.astype(np.float16)
        node = onnx.helper.make_node("Cast", [f"{name}.f16"], [name], to=onnx.TensorProto.FLOAT)
        return {f"{name}.f16": half}, node

    _replace_weights(model, store)


def to_int8(model: onnx.ModelProto) -> None:
    """Store every float32 weight with two or more dimensions as int8 behind DequantizeLinear."""
    import onnx

    def store(name: str, array: Array, axis: int) -> tuple[dict[str, Array], onnx.NodeProto]:
        levels, scales = quantize(array, axis)
        inputs = [f"{name}.q8", f"{name}.scale"]
        node = onnx.helper.make_node("DequantizeLinear", inputs, [name], axis=axis)
        return dict(zip(inputs, (levels, scales), strict=True)), node

    _replace_weights(model, store)


def quantize(weights: npt.NDArray[np.float32], axis: int) -> tuple[Array, Array]:
    """Round to int8, symmetrically, with one scale for each index along ``axis``.

    Zeros stay zeros, and no weight moves by more than half its scale (Jacob et al. 2018).

    Returns:
        Levels, int8 of the shape of ``weights``, in [-127, 127]; scales, float32 (channels,),
        1 for a channel of zeros.
    """
    others = tuple(index for index in range(weights.ndim) if index != axis)
    peaks = np.abs(weights).max(axis=others, keepdims=True)
    scales = np.where(peaks > 0, peaks / np.float32(127), np.float32(1)).astype(np.float32)
    levels = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
    return levels, scales.ravel()


def _replace_weights(
    model: onnx.ModelProto,
    store: Callable[[str, Array, int], tuple[dict[str, Array], onnx.NodeProto]],
) -> None:
    """Replace each weight by the initializers and the node that ``store`` returns.

    Biases and normalisations are a thousandth of a model and stay in float32, which some need.
    """
    import onnx

    graph = model.graph
    axes = _find_output_axes(graph.node)
    kept, nodes = [], []
    for tensor in graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.ndim < 2:
            kept.append(tensor)
            continue
        arrays, node = store(tensor.name, array, axes.get(tensor.name, 0))
        kept += [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()]
        nodes.append(node)
    nodes += graph.node
    for field, values in ((graph.initializer, kept), (graph.node, nodes)):
        del field[:]
        field.extend(values)


def _find_output_axes(nodes: Iterable[onnx.NodeProto]) -> dict[str, int]:
    """Return the axis of output channels of each 2-D weight that has them last, by its name."""
    return {node.input[1]: 1 for node in nodes if node.op_type == "MatMul"}
