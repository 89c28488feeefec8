"""Stress inputs of dynamic axes: small, odd and large sizes, of one axis and of all at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.inputs.usual import UsualInputs
    from prunepack.stages.runtime.sessions import Session

__all__ = ["DynamicAxis", "find_dynamic_axes", "resize_axes"]

BEYOND = (17, 33, 65, 129, 257)
"""Sizes just beyond the windows and blocks that code tends to have."""

MOST_ELEMENTS = 1 << 15
"""Most elements of an input at a size of ``BEYOND`` above twice the usual one."""


@dataclass(frozen=True, slots=True)
class DynamicAxis:
    """A dynamic axis of the ONNX model's inputs, other than the batch axis.

    Attributes:
        name: Its symbol.
        positions: The pairs (input, axis) with this size.
        size: The size during export.
    """

    name: str
    positions: tuple[tuple[str, int], ...]
    size: int


def find_dynamic_axes(session: Session, inputs: Sequence[InputSpec]) -> list[DynamicAxis]:
    """Return the dynamic axes of ``session`` except the batch axis of each input."""
    shapes = {node.name: node.shape for node in session.get_inputs()}
    positions: dict[str, list[tuple[str, int]]] = {}
    sizes: dict[str, int] = {}
    for spec in inputs:
        for axis, size in _list_axes(spec):
            symbol = dict(enumerate(shapes.get(spec.name, ()))).get(axis, size)
            if not isinstance(symbol, int):
                name = symbol or f"{spec.name}[{axis}]"
                positions.setdefault(name, []).append((spec.name, axis))
                sizes[name] = size
    return [DynamicAxis(name, tuple(where), sizes[name]) for name, where in positions.items()]


def _list_axes(spec: InputSpec) -> Iterator[tuple[int, int]]:
    """Yield the position and the size of each axis of an input, except the batch axis."""
    pairs = enumerate(spec.batch_shape(0))
    yield from ((axis, size) for axis, size in pairs if axis != spec.batch_axis)


def resize_axes(usual: UsualInputs, axes: Sequence[DynamicAxis]) -> Iterator[InputBatch]:
    """Yield each axis at other sizes, then all axes at other sizes that differ from each other.

    Samples of a file are taken as they are, and so are their axes.
    """
    files = {spec.name for spec in usual.inputs if spec.file}
    free = [axis for axis in axes if files.isdisjoint(dict(axis.positions))]
    for axis in free:
        for size in _list_sizes(usual, axis):
            batch = _resize(usual, {axis: size})
            name = axis.name if size > 1 else ""  # a size of 1 may fit by broadcasting alone
            yield replace(batch, purpose=f"{axis.name} of", axis=name)
    if len(free) > 1:
        yield from (_resize(usual, sizes) for sizes in _combine_sizes(free))


def _list_sizes(usual: UsualInputs, axis: DynamicAxis) -> list[int]:
    """Return other sizes of an axis, in ascending order.

    A size of 1 is left out where flags have the axis: one flag either keeps all or hides all.
    """
    shapes = {spec.name: math.prod(spec.sample_shape) for spec in usual.inputs}
    elements = sum(shapes[name] for name, _ in axis.positions) / max(axis.size, 1)
    most = max(2 * axis.size, MOST_ELEMENTS / max(elements, 1))
    beyond = {size for size in BEYOND if size <= most}
    near = {1, 3, axis.size // 2, axis.size - 1, axis.size + 1, 2 * axis.size}
    flags = {spec.name for spec in usual.inputs if spec.dtype == "bool"}
    least = 1 if flags.isdisjoint(dict(axis.positions)) else 2
    return sorted(size for size in (near | beyond) - {axis.size} if size >= least)


def _combine_sizes(axes: Sequence[DynamicAxis]) -> Iterator[dict[DynamicAxis, int]]:
    """Yield sizes of all axes: each kind of size for each axis, and another kind for the next."""
    kinds = [
        (max(axis.size - 1, 1), axis.size + 1, max(axis.size // 2, 1), 2 * axis.size)
        for axis in axes
    ]
    for shift in range(4):
        sizes = [each[(number + shift) % 4] for number, each in enumerate(kinds)]
        yield dict(zip(axes, sizes, strict=True))


def _resize(usual: UsualInputs, sizes: Mapping[DynamicAxis, int]) -> InputBatch:
    """Return random samples with other sizes of some axes."""
    places = {place: size for axis, size in sizes.items() for place in axis.positions}
    resized = [
        spec.model_copy(
            update={
                "example": tuple(places.get((spec.name, at), old) for at, old in _list_axes(spec))
            }
        )
        for spec in usual.inputs
    ]
    count = min(usual.count, 2)
    name = ", ".join(f"{axis.name} of {size}" for axis, size in sizes.items())
    arrays = random_inputs(resized, count, usual.seed, usual.rows)
    return InputBatch(name, arrays, count, purpose=name)
