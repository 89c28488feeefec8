"""Sizes of values that do not depend on the batch, where onnxruntime does not infer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.rules.elementwise import ELEMENTWISE, join_sizes
from prunepack.sparse.passes.rules.layout import read_shape
from prunepack.sparse.passes.values import Inputs, Value, find_axes, find_axis, require_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.sparse.passes.description import NodeDescription

__all__ = ["compute_constant"]


def compute_constant(node: NodeDescription, inputs: Inputs) -> Value:
    """Return the facts about an output none of whose inputs depends on the batch."""
    if node.op in ELEMENTWISE and all(value is None or value.dims == () for value in inputs):
        return Value(())
    rule = RULES.get(node.op)
    if rule is None or node.domain or any(value and value.dims is None for value in inputs):
        return Value(None)
    return rule(node, inputs)


def _expand(_node: NodeDescription, inputs: Inputs) -> Value:
    data, target = require_input(inputs, 0), require_input(inputs, 1).integers
    if target is None:
        return Value(None)
    values, rank = [data, Value(target)], max(data.rank, len(target))
    return Value(tuple(join_sizes(values, axis - rank) for axis in range(rank)))


def _slice(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_input(inputs, 0)
    axes = find_axes(node, inputs, 3, x.rank) or range(x.rank)
    return Value(tuple(None if axis in axes else size for axis, size in enumerate(x.shape)))


def _gather(node: NodeDescription, inputs: Inputs) -> Value:
    data, indices = require_input(inputs, 0), require_input(inputs, 1)
    axis = find_axis(node, data.rank, 0)
    return Value((*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))


def _gather_elements(_node: NodeDescription, inputs: Inputs) -> Value:
    return Value(require_input(inputs, 1).dims)


def _shape(node: NodeDescription, inputs: Inputs) -> Value:
    return read_shape(node, require_input(inputs, 0))


RULES: dict[str, Callable[[NodeDescription, Inputs], Value]] = {
    "Expand": _expand,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Shape": _shape,
    "Slice": _slice,
}
