"""Rules of operators that join values, or select elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import BATCH, ONE, Dim
from prunepack.sparse.passes.values import (
    Inputs,
    NotProvenError,
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

__all__ = ["SELECTION"]

FAR = 2**31 - 1
"""End of a slice from which on it surely reaches the last row."""


def _concat(node: NodeDescription, inputs: Inputs) -> Value:
    values = [value for value in inputs if value is not None]
    first = require_batched(inputs)
    axis = find_axis(node, first.rank, None)
    require(axis > 0, "samples of several values")
    for value in values:
        same = value.rank == first.rank and value.shape[0] == first.shape[0]
        require(value.is_batched and same, "a value that is not per sample")
    sizes = [value.shape[axis] for value in values]
    known = [size.number for size in sizes if size and not size.names]
    total = Dim(sum(known)) if len(known) == len(sizes) else None
    dims = tuple(total if i == axis else size for i, size in enumerate(first.shape))
    contents = [value.content for value in values]
    if set(contents) == {"samples"}:
        return Value(dims)
    indexed = contents[0] == "index" and set(contents[1:]) == {"samples"}
    indexed = indexed and axis == first.rank - 1 and first.shape[axis] == ONE
    return Value(dims, content="index_first" if indexed else "position")


def _split(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axis = find_axis(node, x.rank, 0)
    require(axis > 0, "some of the samples")
    require_constant(inputs, 1)
    return Value(tuple(None if i == axis else size for i, size in enumerate(x.shape)))


def _slice(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    if node.version < 10:
        starts, ends = (read_attribute(node, name, []) for name in ("starts", "ends"))
        axes, steps = find_axes(node, inputs, 9, x.rank), None
    else:
        require_constant(inputs, 1)
        axes = find_axes(node, inputs, 3, x.rank)
        starts, ends, steps = _read_bounds(inputs, axes)
    axes = list(range(len(starts))) if axes is None else axes
    steps = steps or [1] * len(axes)
    require(len(starts) == len(ends) == len(steps) == len(axes), "unknown bounds")
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        require(axis > 0 or (start == 0 and end >= FAR and step == 1), "some of the samples")
    return Value(tuple(None if axis in axes and axis else s for axis, s in enumerate(x.shape)))


def _read_bounds(
    inputs: Inputs, axes: list[int] | None
) -> tuple[list[int], list[int], list[int] | None]:
    """Return starts, ends and steps of a slice; they matter on axis 0 alone."""
    if axes and 0 not in axes:
        return [0] * len(axes), [0] * len(axes), None
    starts, ends, steps = (require_integers(inputs, index) for index in (1, 2, 4))
    return starts or [], ends or [], steps


def _pad(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require_constant(inputs, 1)
    axes = find_axes(node, inputs, 3, x.rank)
    if axes is None or 0 in axes:
        pads = read_attribute(node, "pads", None) or require_integers(inputs, 1) or []
        count = x.rank if axes is None else len(axes)
        require(len(pads) == 2 * count, "unknown padding")
        first = 0 if axes is None else axes.index(0)
        require(pads[first] == 0 and pads[first + count] == 0, "padding of the batch")
    return Value((x.shape[0], *(None,) * (x.rank - 1)))


def _gather(node: NodeDescription, inputs: Inputs) -> Value:
    data, indices = require_input(inputs, 0), require_input(inputs, 1)
    axis = find_axis(node, data.rank, 0)
    if not data.is_batched:
        require(axis == 0 and indices.is_batched, "the batch moves")
        return Value((*indices.shape, *data.shape[1:]))
    require(axis > 0 and not indices.is_batched, "a choice among samples")
    return Value((*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))


def _gather_elements(node: NodeDescription, inputs: Inputs) -> Value:
    data, indices = require_batched(inputs), require_batched(inputs, 1)
    same = data.rank == indices.rank and data.shape[0] == indices.shape[0]
    require(same and find_axis(node, data.rank, 0) > 0, "a choice among samples")
    return Value(indices.dims)


def _gather_nd(node: NodeDescription, inputs: Inputs) -> Value:
    """Take elements of the own sample: by equal batches, or by its number as first index."""
    data, indices = require_batched(inputs), require_batched(inputs, 1)
    require(data.content == "samples" and data.shape[0] == indices.shape[0], "other samples")
    count = read_attribute(node, "batch_dims", 0)
    if count:
        require(indices.content == "samples" and indices.rank > count, "other samples")
    else:
        by_number = indices.content == "index_first" and data.shape[0] == BATCH
        require(by_number, "a choice among samples")
    last = indices.shape[-1]
    taken = last.number if last and not last.names else None  # along the last axis
    if taken is None or data.rank < count + taken:
        raise NotProvenError("an unknown number of indices")
    return Value((*indices.shape[:-1], *data.shape[count + taken :]))


def _trim(_node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require_constant(inputs, 1)
    require(x.rank >= 3, "a choice among samples")
    return Value(x.dims)


SELECTION: dict[str, Rule] = {
    "Concat": _concat,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "Trilu": _trim,
}
