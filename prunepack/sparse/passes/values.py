"""Facts about the values of a graph, and how rules read the attributes of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from prunepack.sparse.passes.dims import ONE, Dim, Dims

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunepack.sparse.passes.description import NodeDescription

__all__ = [
    "Content",
    "Inputs",
    "NotProvenError",
    "Rule",
    "Value",
    "find_axes",
    "find_axis",
    "make_vector",
    "read_attribute",
    "require",
    "require_batched",
    "require_constant",
    "require_input",
    "require_integers",
]

Content = Literal["samples", "index", "index_first", "position"]
"""Elements of a value with the batch on axis 0.

``samples``: those of a sample depend on this sample of the inputs alone. ``index``: each is the
number of its sample. ``index_first``: the first along the last axis is the number of the sample,
and the others are as in ``samples``. ``position``: they depend on the number of the sample, so
that only the shape is of use.
"""


class NotProvenError(Exception):
    """Samples may depend on each other; the message tells the node."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the graph.

    Attributes:
        dims: Its sizes; None if the rank is unknown. If the first one has the batch as a factor,
            the samples follow one another along axis 0, with the same number of rows each.
            Otherwise neither the sizes nor the elements depend on the batch, except for
            ``integers`` that say so.
        integers: Elements of a scalar or vector of integers.
        numbers: Elements of a small constant of floats.
        content: Elements of a value with the batch on axis 0.
    """

    dims: Dims | None
    integers: Dims | None = None
    numbers: tuple[float | None, ...] | None = None
    content: Content = "samples"

    @property
    def is_batched(self) -> bool:
        """Whether axis 0 has the batch."""
        first = self.dims[0] if self.dims else None
        return first is not None and first.has_batch and first.number > 0

    @property
    def is_size(self) -> bool:
        """Whether an element is computed from the size of the batch."""
        return any(size and size.has_batch for size in self.integers or ())

    @property
    def rank(self) -> int:
        """Number of axes, which must be known."""
        require(self.dims is not None, "an input has an unknown rank")
        assert self.dims is not None
        return len(self.dims)

    def adds_to(self, rank: int) -> bool:
        """Return whether each row of a tensor of this rank gets the same row by broadcasting."""
        return self.rank < rank or (self.rank == rank and self.shape[0] == ONE)

    @property
    def shape(self) -> Dims:
        """Its sizes, which must be known in number."""
        require(self.dims is not None, "an input has an unknown rank")
        assert self.dims is not None
        return self.dims


Inputs = list[Value | None]
"""Inputs of a node; None for an omitted one."""

Rule: TypeAlias = "Callable[[NodeDescription, Inputs], Value]"


def require(condition: bool, problem: str) -> None:
    """Give up the proof unless the condition holds."""
    if not condition:
        raise NotProvenError(problem)


def require_batched(inputs: Inputs, index: int = 0) -> Value:
    """Return an input that has the batch on axis 0."""
    value = require_input(inputs, index)
    require(value.is_batched, f"input {index} has no batch on axis 0")
    return value


def require_input(inputs: Inputs, index: int) -> Value:
    """Return an input that is not omitted."""
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise NotProvenError(f"input {index} is omitted")
    return value


def require_constant(inputs: Inputs, first: int) -> None:
    """Require that no input from this one on has the batch."""
    for value in inputs[first:]:
        require(value is None or not value.is_batched, "a parameter has the batch")


def read_attribute(node: NodeDescription, name: str, default: Any) -> Any:
    """Return an attribute of numbers, integers or text; the default if it is absent."""
    value = node.attributes.get(name, default)
    require(value is not None or name not in node.attributes, f"attribute `{name}` is unreadable")
    return value


def find_axis(node: NodeDescription, rank: int, default: int | None, name: str = "axis") -> int:
    """Return the attribute `axis` as a number from 0 on."""
    axis = read_attribute(node, name, default)
    require(isinstance(axis, int) and -rank <= axis < rank, "the axis is unknown")
    return int(axis) % rank


def require_integers(inputs: Inputs, index: int) -> list[int] | None:
    """Return the integers of a constant input; None if it is omitted."""
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        return None
    found = [size.number for size in value.integers or () if size and not size.names]
    known = value.integers is not None and len(found) == len(value.integers)
    require(known, f"input {index} is unknown")
    return found


def find_axes(node: NodeDescription, inputs: Inputs, index: int, rank: int) -> list[int] | None:
    """Return the axes of an attribute or of an input, as numbers from 0 on; None if absent."""
    axes: Sequence[int] | None = read_attribute(node, "axes", None)
    if axes is None:
        axes = require_integers(inputs, index)
    if axes is None:
        return None
    require(all(-rank <= axis < rank for axis in axes), "an axis is out of range")
    return [axis % rank for axis in axes]


def make_vector(sizes: Sequence[Dim | None]) -> Value:
    """Return a vector of integers."""
    return Value((Dim(len(sizes)),), tuple(sizes))
