"""Rules of operators that give a tensor another shape: Reshape, Flatten, Squeeze, Expand, Shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.compacting.channels import read_constant
from prunepack.stages.compacting.rule import Rule, carry, get_input
from prunepack.stages.compacting.sizes import read_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir

    from prunepack.stages.compacting.channels import Channels

__all__ = ["RULES"]

Product = tuple[int, tuple[str, ...]]
"""A product of sizes: a number, and the names of dynamic axes."""


def _multiply(sizes: Sequence[object]) -> Product:
    number = 1
    for size in sizes:
        number *= size if isinstance(size, int) else 1
    return number, tuple(sorted(str(size) for size in sizes if not isinstance(size, int)))


def _list_sizes(value: onnx_ir.Value, side: str) -> list[int | str]:
    """Return the sizes of axes; an unknown one has a name that no other axis has."""
    assert value.shape is not None, "the callers check it"
    return [
        size if isinstance(size, int) else size.value or f"{side} {axis}"
        for axis, size in enumerate(value.shape)
    ]


def _match_axes(first: onnx_ir.Value, second: onnx_ir.Value) -> Iterator[tuple[int, int]]:
    """Yield pairs of axes that cut the same elements into equal parts.

    Equal axes at the end are pairs. Before them, the shapes fall into blocks of axes with the same
    product, and the first axis of a block of one shape cuts it as that of the other shape does.
    """
    shapes = _list_sizes(first, "first"), _list_sizes(second, "second")
    while all(shapes) and shapes[0][-1] == shapes[1][-1]:
        yield len(shapes[0]) - 1, len(shapes[1]) - 1
        for shape in shapes:
            shape.pop()
    start = 0, 0
    for end in _find_cuts(*shapes):
        leading = [
            next((axis for axis in range(a, b) if shape[axis] != 1), None)
            for shape, a, b in zip(shapes, start, end, strict=True)
        ]
        if leading[0] is not None and leading[1] is not None:
            yield leading[0], leading[1]
        start = end


def _find_cuts(first: list[int | str], second: list[int | str]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of leading axes of both shapes that have the same product."""
    last = 0
    for count in range(1, len(first)):
        product = _multiply(first[:count])
        fitting = (n for n in range(last + 1, len(second)) if _multiply(second[:n]) == product)
        if (other := next(fitting, None)) is not None:
            yield count, other
            last = other
    yield len(first), len(second)


def _join(node: onnx_ir.Node, channels: Channels) -> None:
    value, output = node.inputs[0], node.outputs[0]
    if value is None or value.shape is None or output.shape is None:
        return
    for axis, other in _match_axes(value, output):
        channels.join_blocks(channels.ids(value, axis), channels.ids(output, other))


def _join_reshape(node: onnx_ir.Node, channels: Channels) -> None:
    value, output = node.inputs[0], node.outputs[0]
    entries = read_sizes(get_input(node, 1))
    if value is None or value.shape is None or output.shape is None or not entries:
        return
    if 0 in entries and node.attributes.get_int("allowzero", 0) == 1:
        return
    for axis, other in _match_axes(value, output):
        entry = entries[other]
        if entry is not None and (entry or axis == other):
            channels.join_blocks(channels.ids(value, axis), channels.ids(output, other))


def _join_squeeze(node: onnx_ir.Node, channels: Channels) -> None:
    if read_constant(get_input(node, 1)) is not None:
        _join(node, channels)


def _join_expand(node: onnx_ir.Node, channels: Channels) -> None:
    value, output = node.inputs[0], node.outputs[0]
    entries = read_sizes(get_input(node, 1))
    if value is None or value.shape is None or output.shape is None or not entries:
        return
    for axis in range(-value.shape.rank(), 0):
        if -axis > len(entries) or entries[axis] is not None:
            channels.join(channels.ids(value, axis), channels.ids(output, axis))


def _join_shape(node: onnx_ir.Node, channels: Channels) -> None:
    """Leave the axes free whose sizes no other node uses."""
    value = node.inputs[0]
    if value is None or value.shape is None or node.outputs[0].is_graph_output():
        return
    rank = value.shape.rank()
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", rank)
    axes = list(range(rank))[start:end]
    used: set[int] = set()
    for user in node.outputs[0].consumers():
        indices = read_constant(get_input(user, 1)) if user.op_type == "Gather" else None
        used |= set(axes) if indices is None else {axes[int(i)] for i in indices.reshape(-1)}
    for axis in set(range(rank)) - used:
        channels.touch(channels.ids(value, axis))


RULES = {
    "Expand": Rule(_join_expand, carry, sizes=1),
    "Flatten": Rule(_join, carry),
    "Reshape": Rule(_join_reshape, carry, sizes=1),
    "Shape": Rule(_join_shape),
    "Squeeze": Rule(_join_squeeze, carry),
    "Unsqueeze": Rule(_join_squeeze, carry),
}
