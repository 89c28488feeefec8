"""Arithmetic on the integers of shapes, by which exporters compute sizes from the batch's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import BATCH, ONE, Dim, Dims, divide, multiply
from prunepack.sparse.passes.values import (
    Inputs,
    NotProvenError,
    Value,
    find_axes,
    make_vector,
    read_attribute,
    require_integers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.sparse.passes.description import NodeDescription

__all__ = ["compute_integers", "count_range"]

INTEGER_KINDS = {6, 7}
"""Element types int32 and int64."""


def compute_integers(node: NodeDescription, inputs: Inputs) -> Value | None:
    """Return the integers that a node computes from integers; None if they are not known."""
    rule = RULES.get(node.op)
    if rule is None or any(value is None or value.integers is None for value in inputs):
        return None
    return rule(node, [value for value in inputs if value is not None])


def _copy(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    return inputs[0]


def _cast(node: NodeDescription, inputs: list[Value]) -> Value | None:
    return inputs[0] if read_attribute(node, "to", 0) in INTEGER_KINDS else None


def _reshape(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    data, target = inputs[0].integers, inputs[1].integers
    assert data is not None
    if target in {(Dim(-1),), (Dim(len(data)),)}:
        return make_vector(data)
    return Value((), data) if target == () and len(data) == 1 else None


def _squeeze(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    data = inputs[0].integers
    assert data is not None
    return Value((), data) if inputs[0].dims == (ONE,) else None


def _unsqueeze(node: NodeDescription, inputs: list[Value]) -> Value | None:
    axes = find_axes(node, list(inputs), 1, 1) if inputs[0].dims == () else None
    return make_vector(inputs[0].integers or ()) if axes == [0] else None


def _gather(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    data, indices = inputs[0].integers, require_integers(list(inputs), 1)
    assert data is not None
    assert indices is not None
    if inputs[0].rank != 1 or not all(-len(data) <= index < len(data) for index in indices):
        return None
    return Value(inputs[1].dims, tuple(data[index] for index in indices))


def _slice(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    data = inputs[0].integers
    starts, ends, axes, steps = (require_integers(list(inputs), i) for i in range(1, 5))
    assert data is not None
    if starts is None or ends is None or len(starts) != 1 or len(ends) != 1:
        return None
    if axes not in (None, [0], [-1]) or inputs[0].rank != 1 or (steps and steps[0] <= 0):
        return None
    return make_vector(data[starts[0] : ends[0] : steps[0] if steps else 1])


def _concat(_node: NodeDescription, inputs: list[Value]) -> Value | None:
    if any(value.rank != 1 for value in inputs):
        return None
    return make_vector([size for value in inputs for size in value.integers or ()])


def _add(a: Dim | None, b: Dim | None) -> Dim | None:
    if a is None or b is None:
        return None
    if a.names == b.names:
        return Dim(a.number + b.number, a.names)
    return a if not b.number else b if not a.number else None


def _subtract(a: Dim | None, b: Dim | None) -> Dim | None:
    return _add(a, b and Dim(-b.number, b.names))


def _multiply(a: Dim | None, b: Dim | None) -> Dim | None:
    return multiply([a, b])


def _equal(a: Dim | None, b: Dim | None) -> Dim | None:
    if a is None or b is None:
        return None
    if a == b or not (a.names or b.names):
        return Dim(int(a == b))
    for size, other in ((a, b), (b, a)):
        if size.names and size.number > 0 and not other.names and other.number < 0:
            return Dim(0)  # the size of a dimension is never negative
    return None


def _combine(combine: Callable[..., Dim | None]) -> Callable[..., Value | None]:
    """Return the rule of a function of integers, with broadcasting."""

    def rule(_node: NodeDescription, inputs: list[Value]) -> Value | None:
        lists = [value.integers or () for value in inputs]
        length = max(map(len, lists))
        if any(len(items) not in {1, length} for items in lists):
            return None
        spread: list[Dims] = [tuple(items) * (length // len(items)) for items in lists if items]
        if len(spread) < len(lists):
            return None
        results = [_check(combine, items) for items in zip(*spread, strict=True)]
        rank = max(value.rank for value in inputs)
        return make_vector(results) if rank else Value((), tuple(results))

    return rule


def _check(combine: Callable[..., Dim | None], items: tuple[Dim | None, ...]) -> Dim | None:
    result = combine(*items)
    if result is None and any(size and size.has_batch for size in items):
        raise NotProvenError("arithmetic on the size of the batch")
    return result


def _choose(condition: Dim | None, a: Dim | None, b: Dim | None) -> Dim | None:
    if condition is None or condition.names:
        return a if a == b else None
    return a if condition.number else b


RULES: dict[str, Callable[[NodeDescription, list[Value]], Value | None]] = {
    "Identity": _copy,
    "Cast": _cast,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Add": _combine(_add),
    "Sub": _combine(_subtract),
    "Mul": _combine(_multiply),
    "Div": _combine(divide),
    "Equal": _combine(_equal),
    "Where": _combine(_choose),
}


def count_range(inputs: Inputs) -> Value | None:
    """Return the numbers of the samples, if this range counts them."""
    bounds = [value.integers if value else None for value in inputs]
    if bounds == [(Dim(0),), (BATCH,), (ONE,)]:
        return Value((BATCH,), content="index")
    return None
