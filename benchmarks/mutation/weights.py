"""Faults of the values in an initializer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.mutation.draft import NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from benchmarks.mutation.draft import Draft, Operator

    Array = npt.NDArray[Any]

__all__ = ["OPERATORS", "change_rows", "through_int8"]


def through_int8(array: Array) -> Array:
    """Return values rounded to 255 steps."""
    step = np.float32(abs(array).max() / 127) or np.float32(1)
    return np.asarray(np.round(array / step).astype(np.float32) * step)


def _through_bf16(array: Array) -> Array:
    bits = np.ascontiguousarray(array).view(np.uint32)
    return np.asarray((bits + 0x8000 & 0xFFFF0000).astype(np.uint32).view(np.float32))


ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "fp16": lambda array: array.astype(np.float16).astype(np.float32),
    "bfloat16": _through_bf16,
    "int8": through_int8,
    "three digits": lambda array: np.round(array, 3),
}


def _nudge(draft: Draft) -> str:
    """Change one element by 1 ulp … 10 %."""
    name = draft.pick(draft.initializers())
    array = draft.values(name)
    index = tuple(int(draft.generator.integers(size)) for size in array.shape)
    factor = draft.log_uniform(1e-7, 0.1)
    value = array[index]
    array[index] = value * np.float32(1 + factor) if value else np.float32(factor)
    draft.store(name, array)
    return f"{name}{list(index)}: {value:.6g} to {array[index]:.6g}"


def _set_element(draft: Draft) -> str:
    """Zero an element, turn its sign, or give a pruned one a value."""
    name = draft.pick(draft.initializers())
    array = draft.values(name)
    index = tuple(int(draft.generator.integers(size)) for size in array.shape)
    value = array[index]
    array[index] = draft.pick([0, -value]) if value else draft.log_uniform(1e-4, 1)
    draft.store(name, array)
    return f"{name}{list(index)}: {value:.6g} to {array[index]:.6g}"


def _scale_tensor(draft: Draft) -> str:
    name = draft.pick(draft.initializers())
    factor = np.float32(1 + draft.pick([-1, 1]) * draft.log_uniform(1e-4, 0.5))
    draft.store(name, draft.values(name) * factor)
    return f"{name} times {factor:.6g}"


def _zero_tensor(draft: Draft) -> str:
    name = draft.pick(draft.initializers())
    draft.store(name, np.zeros_like(draft.values(name)))
    return f"{name} is zero"


def _round_tensor(draft: Draft) -> str:
    name, kind = draft.pick(draft.initializers(2)), draft.pick(list(ROUNDINGS))
    draft.store(name, ROUNDINGS[kind](draft.values(name)))
    return f"{name} through {kind}"


def _blur_tensor(draft: Draft) -> str:
    name, size = draft.pick(draft.initializers(2)), draft.log_uniform(1e-6, 1e-1)
    array = draft.values(name)
    added = draft.generator.standard_normal(array.shape).astype(np.float32)
    draft.store(name, array + np.float32(size) * np.abs(array).mean() * added)
    return f"{name} with random values of {size:.1e} of its size added"


def _transpose(draft: Draft) -> str:
    square = [name for name in draft.initializers(4, 2) if len(set(draft.values(name).shape)) == 1]
    kernels = [name for name in draft.initializers(4, 4) if name not in square]
    name = draft.pick([*square, *kernels])
    draft.store(name, np.swapaxes(draft.values(name), -1, -2))
    return f"{name} with its last two axes swapped"


def _flip(draft: Draft) -> str:
    name = draft.pick(draft.initializers(2, 1))
    array = draft.values(name)
    axis = draft.pick([axis for axis, size in enumerate(array.shape) if size > 1])
    draft.store(name, np.flip(array, axis))
    return f"{name} reversed along axis {axis}"


def change_rows(draft: Draft, array: Array) -> tuple[Array, str]:
    """Zero, scale, replace or exchange slices of an array along an axis; say what was done."""
    axes = [axis for axis, size in enumerate(array.shape) if size > 1]
    axis = draft.pick(axes[:1] if draft.chance(0.6) else axes)
    rows = np.moveaxis(array.copy(), axis, 0)
    count = draft.pick([1, 1, 1, max(1, len(rows) // 10), max(1, len(rows) // 2)])
    chosen = draft.generator.choice(len(rows), count, replace=False)
    others = draft.generator.choice(len(rows), count, replace=False)
    kind = draft.pick(["zeroed", "scaled", "replaced by others", "exchanged with the next"])
    if kind == "zeroed":
        rows[chosen] = 0
    elif kind == "scaled":
        rows[chosen] *= np.float32(1 + draft.log_uniform(1e-3, 1))
    elif kind == "replaced by others":
        rows[chosen] = rows[others]
    else:
        rows[chosen] = rows[np.roll(chosen, 1)] if count > 1 else rows[(chosen + 1) % len(rows)]
    listed = ", ".join(map(str, sorted(chosen)[:3])) + (", …" if count > 3 else "")
    return np.moveaxis(rows, 0, axis), f"{count} slices of axis {axis} ({listed}) {kind}"


def _change_slices(draft: Draft) -> str:
    name = draft.pick(draft.initializers(2, 1))
    array, text = change_rows(draft, draft.values(name))
    draft.store(name, array)
    return f"{name}: {text}"


def _change_weight_slices(draft: Draft) -> str:
    name = draft.pick(draft.initializers(2, 2))
    array, text = change_rows(draft, draft.values(name))
    draft.store(name, array)
    return f"{name}: {text}"


def _exchange_tensors(draft: Draft) -> str:
    names = draft.initializers(2)
    pairs = [
        (one, other)
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if draft.values(one).shape == draft.values(other).shape
    ]
    one, other = draft.pick(pairs)
    first, second = draft.values(one), draft.values(other)
    draft.store(one, second)
    draft.store(other, first)
    return f"{one} and {other} exchanged"


def _change_integers(draft: Draft) -> str:
    """Change an axis, a size or another whole number that a node reads."""
    names = [one.name for one in draft.graph.initializer if one.data_type in {6, 7}]
    name = draft.pick(names)
    array = draft.values(name)
    flat = array.reshape(-1)
    if not flat.size:
        raise NotApplicableError
    index = int(draft.generator.integers(flat.size))
    before = int(flat[index])
    flat[index] = draft.pick([before + 1, before - 1, -before, 0, 1, 2, 2 * before])
    draft.store(name, flat.reshape(array.shape))
    readers = ", ".join(node.op_type for node in draft.readers(name))
    return f"{name}[{index}], which {readers} reads: {before} to {flat[index]}"


OPERATORS: dict[str, Operator] = {
    "element nudged": _nudge,
    "element replaced": _set_element,
    "tensor scaled": _scale_tensor,
    "tensor zeroed": _zero_tensor,
    "tensor rounded": _round_tensor,
    "random values added": _blur_tensor,
    "tensor transposed": _transpose,
    "tensor reversed": _flip,
    "slices changed": _change_slices,
    "slices of a weight changed": _change_weight_slices,
    "two tensors exchanged": _exchange_tensors,
    "whole number changed": _change_integers,
}
