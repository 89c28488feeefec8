"""Declared inputs and outputs of an ONNX model: names in order, dtypes, sizes of axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from onnx import GraphProto, TensorShapeProto, ValueInfoProto

__all__ = ["Declaration", "Declarations", "declare_graph"]


class Declaration(TypedDict):
    """An input or an output as the file declares it.

    Attributes:
        name: Its name.
        dtype: Its dtype in NumPy; empty if it is not a tensor.
        axes: The size of each axis, its name, or None; None without a declared shape.
    """

    name: str
    dtype: str
    axes: list[int | str | None] | None


Declarations = dict[str, list[Declaration]]
"""The ``inputs`` and the ``outputs`` of a model, in order."""


def declare_graph(graph: GraphProto) -> Declarations:
    """Return the declarations of a graph, in which an input with a value is an initializer."""
    values = {tensor.name for tensor in graph.initializer}
    inputs = [_declare(value) for value in graph.input if value.name not in values]
    return {"inputs": inputs, "outputs": [_declare(value) for value in graph.output]}


def _declare(value: ValueInfoProto) -> Declaration:
    from onnx import helper

    tensor = value.type.tensor_type
    kind = tensor.elem_type
    dtype = helper.tensor_dtype_to_np_dtype(kind).name if kind else ""
    axes = [_get_size(dim) for dim in tensor.shape.dim] if tensor.HasField("shape") else None
    return {"name": value.name, "dtype": dtype, "axes": axes}


def _get_size(dim: TensorShapeProto.Dimension) -> int | str | None:
    return dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
