"""Rules of operators that work element by element, with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.sparse.passes.dims import ONE, Dim
from prunepack.sparse.passes.values import (
    Content,
    Inputs,
    Rule,
    Value,
    read_attribute,
    require,
    require_constant,
)

if TYPE_CHECKING:
    from prunepack.sparse.passes.description import NodeDescription

__all__ = ["ELEMENTWISE", "MICROSOFT", "broadcast", "join_sizes"]

UNARY = """
Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu
HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu
Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu
"""

BINARY = """
Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual
Mod Mul Or PRelu Pow Sub Where Xor
"""

VARIADIC = ["Max", "Mean", "Min", "Sum"]

BROADCASTING = dict.fromkeys(BINARY.split(), 7) | dict.fromkeys(VARIADIC, 8)
"""Operators, and the opset from which on they broadcast as numpy does."""

COPIES = {"Identity", "Cast"}


def _apply(node: NodeDescription, inputs: Inputs) -> Value:
    require(node.version >= BROADCASTING.get(node.op, 1), "an old form of broadcasting")
    values = [value for value in inputs if value is not None]
    if node.op == "Clip":
        require_constant(inputs, 1)  # a batch of one would pass for a scalar
    result = broadcast(values)
    contents = {value.content for value in values}
    content: Content = "samples" if contents == {"samples"} else "position"
    if node.op in COPIES:
        content = values[0].content if _keeps_integers(node) else content
    return Value(result.dims, content=content)


def _keeps_integers(node: NodeDescription) -> bool:
    return node.op == "Identity" or read_attribute(node, "to", 0) in {6, 7}


def broadcast(values: list[Value]) -> Value:
    """Return the shape of an elementwise result; samples stay apart."""
    rank = max(value.rank for value in values)
    batched = [value for value in values if value.is_batched]
    first = batched[0].shape[0]
    for value in batched:
        require(value.rank == rank and value.shape[0] == first, "batches on different axes")
    for value in values:
        require(value.is_batched or value.adds_to(rank), "a constant has a row per sample")
    return Value((first, *(join_sizes(values, axis - rank) for axis in range(1, rank))))


def join_sizes(values: list[Value], axis: int) -> Dim | None:
    """Return the size of an axis, counted from the last, of the result."""
    sizes = {value.shape[axis] for value in values if value.rank >= -axis}
    others = sizes - {ONE}
    if len(others) > 1:
        known = {size for size in others if size and not size.names}
        return known.pop() if len(known) == 1 else None
    return others.pop() if others else ONE


ELEMENTWISE: dict[str, Rule] = dict.fromkeys(["Clip", *UNARY.split(), *BROADCASTING], _apply)

MICROSOFT: dict[str, Rule] = dict.fromkeys(["BiasGelu", "FastGelu", "Gelu", "QuickGelu"], _apply)
"""Rules of operators of the domain ``com.microsoft``."""
