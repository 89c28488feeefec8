"""Rules of operators that change the shape of a value, or repeat its elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import ONE, Dim, Dims, divide, multiply
from prunepack.sparse.passes.rules.elementwise import broadcast
from prunepack.sparse.passes.values import (
    Content,
    Inputs,
    NotProvenError,
    Rule,
    Value,
    find_axes,
    make_vector,
    read_attribute,
    require,
    require_batched,
    require_input,
    require_integers,
)

if TYPE_CHECKING:
    from prunepack.sparse.passes.description import NodeDescription

__all__ = ["LAYOUT", "read_shape"]


def read_shape(node: NodeDescription, x: Value) -> Value:
    """Return the sizes of a value as integers."""
    start, end = read_attribute(node, "start", 0), read_attribute(node, "end", x.rank)
    return make_vector(x.shape[start:end])


def _read_shape(node: NodeDescription, inputs: Inputs) -> Value:
    return read_shape(node, require_batched(inputs))


def _read_target(inputs: Inputs, index: int) -> Dims:
    """Return the integers of an input, some of them may be unknown."""
    integers = require_input(inputs, index).integers
    if integers is None:
        raise NotProvenError("an unknown target shape")
    require(not any(size and size.has_batch for size in integers[1:]), "the batch moves")
    return integers


def _reshape(node: NodeDescription, inputs: Inputs) -> Value:
    """Samples follow one another in memory, so that the first size decides."""
    x = require_batched(inputs)
    target = _read_target(inputs, 1)
    require(len(target) > 0, "the batch vanishes")
    copies = not read_attribute(node, "allowzero", 0)
    sizes = [
        x.shape[axis] if copies and size == Dim(0) and axis < x.rank else size
        for axis, size in enumerate(target)
    ]
    if sizes[0] == Dim(-1):
        sizes[0] = divide(multiply(x.shape), multiply(sizes[1:]))
    elif Dim(-1) in sizes:
        axis = sizes.index(Dim(-1))
        sizes[axis] = divide(multiply(x.shape), multiply([*sizes[:axis], *sizes[axis + 1 :]]))
    result = Value(tuple(size if size and size.number > 0 else None for size in sizes))
    require(result.is_batched, "samples are folded into another axis")
    return result


def _flatten(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axis = read_attribute(node, "axis", 1)
    require((axis if axis >= 0 else axis + x.rank) == 1, "samples are folded into another axis")
    return Value((x.shape[0], multiply(x.shape[1:])))


def _transpose(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    order = read_attribute(node, "perm", list(range(x.rank))[::-1])
    require(sorted(order) == list(range(x.rank)) and order[0] == 0, "the batch moves")
    return Value(tuple(x.shape[axis] for axis in order))


def _squeeze(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    axes = find_axes(node, inputs, 1, x.rank) or [0]
    require(0 not in axes, "the batch may vanish")
    dims = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return Value(dims, content=_move_content(x))


def _unsqueeze(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    given = read_attribute(node, "axes", None) or require_integers(inputs, 1) or []
    rank = x.rank + len(given)
    axes = find_axes(node, inputs, 1, rank) or []
    require(0 not in axes and len(set(axes)) == len(axes), "the batch moves")
    sizes = iter(x.shape)
    dims = tuple(ONE if axis in axes else next(sizes) for axis in range(rank))
    return Value(dims, content=_move_content(x))


def _move_content(x: Value) -> Content:
    """Return the content after a change of the axes but the first."""
    return "position" if x.content == "index_first" else x.content


def _expand(_node: NodeDescription, inputs: Inputs) -> Value:
    data, target = require_input(inputs, 0), Value(_read_target(inputs, 1))
    require(data.is_batched or target.is_batched, "the batch vanishes")
    return Value(broadcast([data, target]).dims, content=_move_content(data))


def _tile(_node: NodeDescription, inputs: Inputs) -> Value:
    repeats, data = _read_target(inputs, 1), require_input(inputs, 0)
    require(len(repeats) == data.rank > 0, "an unknown shape")
    if data.is_batched:
        require(repeats[0] == ONE, "samples are repeated")
    else:
        require(data.shape[0] == ONE, "several rows are repeated")
    dims = tuple(multiply(pair) for pair in zip(data.shape, repeats, strict=True))
    require(Value(dims).is_batched, "the batch vanishes")
    return Value(dims)


def _fill(_node: NodeDescription, inputs: Inputs) -> Value:
    value = Value(_read_target(inputs, 0))
    require(value.is_batched, "the batch vanishes")
    return value


def _resize(node: NodeDescription, inputs: Inputs) -> Value:
    x = require_batched(inputs)
    require(node.version >= 11 and "axes" not in node.attributes, "an unusual form")
    mode = read_attribute(node, "coordinate_transformation_mode", "half_pixel")
    policy = read_attribute(node, "keep_aspect_ratio_policy", "stretch")
    require(mode != "tf_crop_and_resize" and policy == "stretch", "an unusual form")
    if len(inputs) > 3 and inputs[3] is not None:
        require(_read_target(inputs, 3)[:1] == (x.shape[0],), "samples are resized")
    else:
        scales = require_input(inputs, 2).numbers or (None,)
        require(scales[0] == 1, "samples are resized")
    return Value((x.shape[0], *(None,) * (x.rank - 1)))


LAYOUT: dict[str, Rule] = {
    "ConstantOfShape": _fill,
    "Expand": _expand,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _read_shape,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
