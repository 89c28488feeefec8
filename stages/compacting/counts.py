"""Counts of a graph: output channels of its layers, parameters, multiplications per sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.rule import get_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir

__all__ = ["Counts", "count_parts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a graph.

    Attributes:
        channels: Output channels, or neurons, of all layers with constant weights.
        parameters: Elements of all floating-point constants.
        macs: Multiplications (with an addition each) of convolutions and products of matrices for
            one sample.
    """

    channels: int
    parameters: int
    macs: int


def count_parts(graph: onnx_ir.Graph, sizes: Mapping[str, int]) -> Counts:
    """Return the counts of a graph.

    Args:
        graph: The graph, with all shapes.
        sizes: The sizes of dynamic axes by name; other dynamic axes count as 1.
    """
    arrays = [value.const_value for value in graph.initializers.values()]
    parameters = sum(a.size for a in arrays if a is not None and a.dtype.is_floating_point())
    layers = [node for node in graph if node.op_type in {"Conv", "ConvTranspose", "Gemm", "MatMul"}]
    return Counts(
        channels=sum(map(_count_channels, layers)),
        parameters=parameters,
        macs=sum(_count_macs(node, sizes) for node in layers),
    )


def _count_channels(node: onnx_ir.Node) -> int:
    """Return the output channels of a layer; none of a product of computed tensors."""
    output, weights = node.outputs[0], read_constant(get_input(node, 1))
    if weights is None or output.shape is None:
        return 0
    size = output.shape[1 if node.op_type.startswith("Conv") else -1]
    return size if isinstance(size, int) else 0


def _count_macs(node: onnx_ir.Node, sizes: Mapping[str, int]) -> int:
    first, second, output = node.inputs[0], node.inputs[1], node.outputs[0]
    if any(value is None or value.shape is None for value in (first, second, output)):
        return 0
    shapes = [
        _list_sizes(value.shape, sizes)
        for value in (first, second, output)
        if value and value.shape
    ]
    data, weights, made = shapes
    if node.op_type == "Conv":
        return math.prod(weights) * math.prod(made[2:])
    if node.op_type == "ConvTranspose":
        return math.prod(weights) * math.prod(data[2:])
    flipped = node.op_type == "Gemm" and node.attributes.get_int("transA", 0) == 1
    return math.prod(made) * data[-2 if flipped else -1]


def _list_sizes(shape: Iterable[object], sizes: Mapping[str, int]) -> list[int]:
    return [
        size if isinstance(size, int) else sizes.get(str(getattr(size, "value", None)), 1)
        for size in shape
    ]
