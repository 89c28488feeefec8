"""Faulty nodes behind a tensor of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from benchmarks.mutation.draft import INTEGERS, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.mutation.draft import Draft, Operator

__all__ = ["OPERATORS", "draw_step"]

TYPES = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "int32": TensorProto.INT32,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
}


def _insert(draft: Draft, tensor: str, steps: Sequence[Step]) -> str:
    words = "-".join(step.operator for step in steps)
    return f"{words} {draft.append(tensor, steps, once=draft.chance(0.3))}"


def _clip(draft: Draft) -> str:
    tensor = draft.pick(draft.tensors())
    low, high = -draft.log_uniform(0.3, 1e4), draft.log_uniform(0.3, 1e4)
    sides = draft.pick([(low, high), (low, None), (None, high)])
    names = tuple("" if side is None else draft.constant(side) for side in sides)
    return f"{_insert(draft, tensor, [Step('Clip', names)])}, bounds {sides}"


def _cast(draft: Draft) -> str:
    tensor, through = draft.pick(draft.tensors()), draft.pick(list(TYPES))
    steps = [Step("Cast", (), (("to", TYPES[through]),)), Step("Cast", (), (("to", 1),))]
    return f"{_insert(draft, tensor, steps)}, through {through}"


def _cast_integers(draft: Draft) -> str:
    tensor = draft.pick(draft.tensors(INTEGERS))
    through = draft.pick(["int32", "int8", "uint8", "float16"])
    back = draft.types[tensor][0]
    steps = [Step("Cast", (), (("to", TYPES[through]),)), Step("Cast", (), (("to", back),))]
    return f"{_insert(draft, tensor, steps)}, through {through}"


def _bound_integers(draft: Draft) -> str:
    """Take whole numbers modulo a number, or cap them."""
    tensor, bound = draft.pick(draft.tensors(INTEGERS)), int(draft.log_uniform(2, 400))
    operator = draft.pick(["Mod", "Min", "Max", "Add"])
    dtype = "int64" if draft.types[tensor][0] == TensorProto.INT64 else "int32"
    return f"{_insert(draft, tensor, [Step(operator, (draft.constant(bound, dtype),))])}, {bound}"


def _threshold(draft: Draft) -> str:
    """Replace values beyond a threshold."""
    tensor, bound = draft.pick(draft.tensors()), draft.log_uniform(0.3, 1e4)
    bound *= draft.pick([-1, 1])
    operator = draft.pick(["Less", "Greater"])
    by = draft.pick([0.0, bound, 1.0])
    steps = [
        Step(operator, (draft.constant(bound),)),
        Step("Where", (draft.constant(by), None)),
    ]
    return f"{_insert(draft, tensor, steps)}, {bound:.4g}, then {by:.4g}"


def _replace_nan(draft: Draft) -> str:
    """Take NaN for a number."""
    tensor = draft.pick(draft.tensors())
    steps = [Step("IsNaN"), Step("Where", (draft.constant(draft.pick([0.0, 1.0])), None))]
    return _insert(draft, tensor, steps)


def _activate(draft: Draft) -> str:
    tensor = draft.pick(draft.tensors())
    step = draft.pick(
        [
            Step("Relu"),
            Step("Abs"),
            Step("Neg"),
            Step("Round"),
            Step("Floor"),
            Step("LeakyRelu", (), (("alpha", 0.01),)),
            Step("Shrink", (), (("lambd", draft.log_uniform(1e-3, 1)), ("bias", 0.0))),
            Step("ThresholdedRelu", (), (("alpha", draft.log_uniform(1e-3, 1)),)),
            Step("Tanh"),
        ]
    )
    return _insert(draft, tensor, [step])


def _arithmetic(draft: Draft) -> str:
    tensor, size = draft.pick(draft.tensors()), draft.log_uniform(1e-4, 1)
    operator = draft.pick(["Add", "Mul"])
    value = size if operator == "Add" else 1 + size
    return f"{_insert(draft, tensor, [Step(operator, (draft.constant(value),))])}, {value:.4g}"


def _quantize(draft: Draft) -> str:
    tensor, step = draft.pick(draft.tensors()), draft.log_uniform(1e-3, 1)
    others = (draft.constant(step), draft.constant(0, "int8"))
    steps = [Step("QuantizeLinear", others), Step("DequantizeLinear", others)]
    return f"{_insert(draft, tensor, steps)}, step {step:.4g}"


def _randomize(draft: Draft) -> str:
    """Add random numbers, multiply by them, or drop values at random."""
    tensor, size = draft.pick(draft.tensors()), draft.pick([1e-3, 1e-2, 1.0])
    seed = {"seed": 1.0} if draft.chance(0.5) else {}
    shape = [1] * len(draft.types[tensor][1])
    out = draft.node("RandomNormal", [], shape=shape, scale=size, **seed)
    return f"{_insert(draft, tensor, [Step('Add', (out,))])}, random, scale {size}"


def _drop_out(draft: Draft) -> str:
    tensor = draft.pick(draft.tensors())
    others = (draft.constant(draft.log_uniform(0.01, 0.9)), draft.constant(True, "bool"))
    return _insert(draft, tensor, [Step("Dropout", others)])


def _couple_batch(draft: Draft) -> str:
    """Mix a sample with the others of its batch."""
    tensor, size = draft.pick(draft.tensors(least=2)), draft.log_uniform(1e-3, 1)
    axis = draft.constant([int(draft.generator.integers(len(draft.types[tensor][1])))], "int64")
    operator = draft.pick(["ReduceMean", "ReduceMax"])
    steps = [
        Step(operator, (axis,), (("keepdims", 1),)),
        Step("Mul", (draft.constant(size),)),
        Step("Add", (None,)),
    ]
    return f"{_insert(draft, tensor, steps)}, {size:.4g}"


def _reorder(draft: Draft) -> str:
    """Swap two axes, or shift or reverse an axis."""
    tensor = draft.pick(draft.tensors(least=2))
    rank = len(draft.types[tensor][1])
    kind = draft.pick(["swap", "reverse"])
    if kind == "swap":
        order = list(range(rank))
        one, other = draft.generator.choice(rank, 2, replace=False)
        order[one], order[other] = order[other], order[one]
        return _insert(draft, tensor, [Step("Transpose", (), (("perm", order),))])
    axis = int(draft.generator.integers(rank))
    numbers = ([-1], [np.iinfo(np.int64).min], [axis], [-1])
    names = tuple(draft.constant(each, "int64") for each in numbers)
    return f"{_insert(draft, tensor, [Step('Slice', names)])}, axis {axis} reversed"


def draw_step(draft: Draft) -> Step:
    """Return a node that changes floats, whatever their shape."""
    size = draft.log_uniform(1e-3, 1)
    return draft.pick(
        [
            Step("Relu"),
            Step("Neg"),
            Step("Round"),
            Step("Mul", (draft.constant(1 + size),)),
            Step("Add", (draft.constant(size),)),
            Step("Clip", (draft.constant(-0.5), draft.constant(0.5))),
        ]
    )


def _forget_positions(draft: Draft) -> str:
    """Let values behind a position be those at the position."""
    tensor = draft.pick(draft.tensors(least=2))
    shape: tuple[Any, ...] = draft.types[tensor][1]
    axis, last = int(draft.generator.integers(len(shape))), int(draft.log_uniform(2, 64))
    zero, one = draft.constant(0, "int64"), draft.constant(1, "int64")
    counted = draft.node("Shape", [tensor], start=axis, end=axis + 1)
    places = draft.node("Range", [zero, draft.node("Squeeze", [counted]), one])
    capped = draft.node("Min", [places, draft.constant(last, "int64")])
    draft.append(tensor, [Step("Gather", (capped,), (("axis", axis),))])
    return f"places of {tensor} behind {last} on axis {axis} read place {last}"


OPERATORS: dict[str, Operator] = {
    "Clip inserted": _clip,
    "Cast inserted": _cast,
    "Cast of integers inserted": _cast_integers,
    "Mod, Min, Max of integers inserted": _bound_integers,
    "Where behind a threshold": _threshold,
    "NaN replaced": _replace_nan,
    "activation inserted": _activate,
    "constant added or multiplied": _arithmetic,
    "quantization inserted": _quantize,
    "random numbers added": _randomize,
    "Dropout in training mode": _drop_out,
    "samples or places mixed": _couple_batch,
    "axes reordered": _reorder,
    "positions capped": _forget_positions,
}
