"""Sizes of a tensor as an input of a node: a constant, or a list that a Concat puts together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.channels import read_constant, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import onnx_ir

__all__ = ["add_initializer", "read_dimensions", "read_sizes", "write_sizes"]


def read_sizes(value: onnx_ir.Value | None) -> list[int | None]:
    """Return the entries of a list of sizes; None stands for a computed one.

    The list is empty if the number of its entries is not known.
    """
    constant = read_constant(value)
    if constant is not None:
        return [int(entry) for entry in constant.reshape(-1)]
    node = None if value is None else value.producer()
    if node is not None and node.op_type == "Concat":
        parts = [read_sizes(part) for part in node.inputs]
        return [entry for part in parts for entry in part] if all(parts) else []
    count = None if value is None or value.shape is None else size_of(value, 0)
    return [None] * (count or 0)


def read_dimensions(value: onnx_ir.Value | None) -> list[int | str | None]:
    """Return the entries of a list of sizes; the name of an axis stands for its size.

    Sizes of other tensors are looked up through Shape, Slice, Gather and Concat.
    """
    constant, node = read_constant(value), None if value is None else value.producer()
    if constant is not None:
        return [int(entry) for entry in constant.reshape(-1)]
    source = None if node is None or not node.inputs else node.inputs[0]
    if node is None or source is None:
        return []
    if node.op_type == "Concat":
        return [entry for part in node.inputs for entry in read_dimensions(part)]
    if node.op_type == "Shape" and source.shape is not None:
        sizes = [size if isinstance(size, int) else size.value for size in source.shape]
        start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", len(sizes))
        return sizes[start:end]
    return _select_entries(node, read_dimensions(source))


def _select_entries(node: onnx_ir.Node, entries: list[int | str | None]) -> list[int | str | None]:
    """Return the entries that a Slice or a Gather takes from a list; none if it is not constant."""
    arrays = [read_constant(value) for value in node.inputs[1:]]
    numbers = [int(array[0]) for array in arrays if array is not None and array.shape == (1,)]
    if node.op_type == "Slice" and len(numbers) == len(node.inputs) - 1 == 2:
        return entries[slice(*numbers)]
    if node.op_type == "Gather" and numbers and -len(entries) <= numbers[0] < len(entries):
        return [entries[numbers[0]]]
    return []


def write_sizes(node: onnx_ir.Node, index: int, sizes: Mapping[int, int]) -> None:
    """Give a node a list of sizes of its own, with other entries at some places."""
    value = node.inputs[index]
    assert value is not None, "the rule has read it"
    node.replace_input_with(index, _rewrite(node, value, sizes))


def _rewrite(node: onnx_ir.Node, value: onnx_ir.Value, sizes: Mapping[int, int]) -> onnx_ir.Value:
    constant = read_constant(value)
    if constant is not None:
        entries = constant.copy()
        for place, size in sizes.items():
            entries[place] = size
        return add_initializer(node, str(value.name), entries)
    import onnx_ir

    concat, start, parts = value.producer(), 0, []
    assert concat is not None, "only a Concat has entries that can change"
    assert node.graph is not None, "it is a node of the model"
    for part in concat.inputs:
        count = len(read_sizes(part))
        own = {p - start: size for p, size in sizes.items() if start <= p < start + count}
        assert part is not None, "a Concat has no missing inputs"
        parts.append(_rewrite(node, part, own) if own else part)
        start += count
    made = onnx_ir.node("Concat", parts, attributes={"axis": 0})
    made.outputs[0].name = f"{value.name}.{node.outputs[0].name}"
    made.outputs[0].shape, made.outputs[0].type = value.shape, value.type
    node.graph.insert_before(node, made)
    return made.outputs[0]


def add_initializer(node: onnx_ir.Node, name: str, array: npt.NDArray[np.generic]) -> onnx_ir.Value:
    """Add a constant for a node to the graph, under a free name, and return it."""
    import onnx_ir

    graph = node.graph
    assert isinstance(graph, onnx_ir.Graph), "it is a node of the model"
    free = name
    while free in graph.initializers:
        free = f"{free}_"
    tensor = onnx_ir.tensor(array, name=free)
    value = onnx_ir.Value(
        name=free,
        shape=onnx_ir.Shape(array.shape),
        type=onnx_ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value
