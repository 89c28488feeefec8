"""Faults of a weight that is stored in another way, so that nobody finds it by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, numpy_helper

from benchmarks.mutation.weights import change_rows

if TYPE_CHECKING:
    from benchmarks.mutation.draft import Draft, Operator

__all__ = ["OPERATORS"]


def _pick_weight(draft: Draft) -> str:
    return draft.pick(draft.initializers(4, 2))


def _replace(draft: Draft, name: str, by: str) -> None:
    """Let every reader of a tensor read another one, except the maker of that one."""
    for node in draft.readers(name):
        if by not in node.output:
            node.input[:] = [by if one == name else one for one in node.input]


def _rename(draft: Draft) -> str:
    name = _pick_weight(draft)
    array, text = change_rows(draft, draft.values(name))
    _replace(draft, name, draft.constant(array))
    draft.remove(name)
    return f"{name} renamed, and {text}"


def _make_constant(draft: Draft) -> str:
    name = _pick_weight(draft)
    array, text = change_rows(draft, draft.values(name))
    value = numpy_helper.from_array(np.ascontiguousarray(array))
    _replace(draft, name, draft.node("Constant", [], value=value))
    draft.remove(name)
    return f"{name} in a Constant node, and {text}"


def _cast(draft: Draft) -> str:
    """Store a weight in fewer bits, with or without a change of its rows."""
    name, dtype = _pick_weight(draft), draft.pick(["float16", "int8"])
    array, text = draft.values(name), "its values"
    if draft.chance(0.5):
        array, text = change_rows(draft, array)
    if dtype == "int8":
        step = np.float32(np.abs(array).max() / 127)
        stored = draft.constant(np.round(array / step), dtype)
        wide = draft.node("Cast", [stored], to=TensorProto.FLOAT)
        out = draft.node("Mul", [wide, draft.constant(step)])
    else:
        out = draft.node("Cast", [draft.constant(array, dtype)], to=TensorProto.FLOAT)
    _replace(draft, name, out)
    draft.remove(name)
    return f"{name} stored as {dtype}, and {text}"


def _reshape(draft: Draft) -> str:
    name = _pick_weight(draft)
    array, text = change_rows(draft, draft.values(name))
    shape = draft.constant(array.shape, "int64")
    _replace(draft, name, draft.node("Reshape", [draft.constant(array.reshape(-1)), shape]))
    draft.remove(name)
    return f"{name} stored flat, and {text}"


def _store_transposed(draft: Draft) -> str:
    name = draft.pick([one for one in draft.initializers(4, 2) if draft.values(one).ndim == 2])
    array, text = change_rows(draft, draft.values(name))
    _replace(draft, name, draft.node("Transpose", [draft.constant(array.T)], perm=[1, 0]))
    draft.remove(name)
    return f"{name} stored transposed, and {text}"


def _scatter(draft: Draft) -> str:
    """Write other rows over a weight while it runs."""
    name = _pick_weight(draft)
    array = draft.values(name)
    row = int(draft.generator.integers(len(array)))
    update = array[row] * np.float32(draft.pick([0, -1, 1.001, 2]))
    indices = draft.constant([[row]], "int64")
    _replace(draft, name, draft.node("ScatterND", [name, indices, draft.constant(update[None])]))
    return f"ScatterND over row {row} of {name}"


def _multiply(draft: Draft) -> str:
    name = _pick_weight(draft)
    factor = np.ones_like(draft.values(name))
    index = tuple(int(draft.generator.integers(size)) for size in factor.shape)
    place: Any = index if draft.chance(0.5) else index[0]
    factor[place] = draft.pick([0, -1, 1.001, 1.1])
    _replace(draft, name, draft.node("Mul", [name, draft.constant(factor)]))
    return f"{name} times another mask, at {place}"


def _concatenate(draft: Draft) -> str:
    """Keep the first rows, and take the others from a second tensor."""
    name = _pick_weight(draft)
    array = draft.values(name)
    row = int(draft.generator.integers(1, len(array)))
    rest = array[row:].copy()
    rest[int(draft.generator.integers(len(rest)))] *= np.float32(draft.pick([0, 1.01, -1]))
    parts = [draft.constant(array[:row]), draft.constant(rest)]
    _replace(draft, name, draft.node("Concat", parts, axis=0))
    draft.remove(name)
    return f"{name} in two parts, and one row after {row} changed"


def _shift(draft: Draft) -> str:
    """Put a node between a weight and its readers."""
    name = _pick_weight(draft)
    step = draft.pick(
        [
            ("Add", draft.constant(draft.log_uniform(1e-4, 0.1))),
            ("Clip", draft.constant(-1.5), draft.constant(1.5)),
            ("Round",),
            ("Abs",),
        ]
    )
    _replace(draft, name, draft.node(step[0], [name, *step[1:]]))
    return f"{step[0]} behind {name}"


OPERATORS: dict[str, Operator] = {
    "renamed weight": _rename,
    "weight in a Constant": _make_constant,
    "weight behind a Cast": _cast,
    "weight behind a Reshape": _reshape,
    "weight behind a Transpose": _store_transposed,
    "ScatterND over a weight": _scatter,
    "weight times a mask": _multiply,
    "weight in two parts": _concatenate,
    "node behind a weight": _shift,
}
