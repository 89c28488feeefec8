"""Stress inputs of integers that index no table: bytes, wide, negative and huge values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.inputs.usual import UsualInputs

__all__ = ["list_free_integers", "widen_integers"]

RANGES = (
    ("up to 9", 0, 9),
    ("up to 255", 0, 255),
    ("down to -9", -9, 9),
    ("up to 65535", 256, 65535),
    ("up to 2^34", 1 << 30, 1 << 34),
)
"""Ranges of integers, with their names; a value that the dtype cannot hold is left out."""

SMALL = 255
"""Least value that is too large for the size of a tensor."""


GROWTH = 16.0
"""Growth of rounding errors where it cannot be measured; integers themselves are exact."""


def list_free_integers(usual: UsualInputs) -> list[InputSpec]:
    """Return the integer inputs whose values nothing bounds.

    A look-up or a declared range bounds an input, and so does the name of a mask: runtimes give
    masks a meaning of their own, in which a 2 is not a value.
    """
    return [
        spec
        for spec in usual.free
        if spec.dtype.startswith(("int", "uint"))
        and spec.range is None
        and spec.name not in usual.rows
        and "mask" not in spec.name.lower()
    ]


def widen_integers(usual: UsualInputs, sizing: Collection[str] = ()) -> Iterator[InputBatch | None]:
    """Yield each free integer input with the values of each range that its dtype can hold.

    Inputs in ``sizing``, whose values decide the sizes of tensors, get small values only.
    """
    for spec in list_free_integers(usual):
        limits = np.iinfo(spec.dtype)
        largest = SMALL if spec.name in sizing else limits.max
        for detail, low, high in RANGES:
            if low <= largest and (low >= 0 or limits.min < 0):
                bounds = max(low, int(limits.min)), min(high, int(limits.max))
                array = _draw(usual, spec, *bounds)
                yield usual.change(spec.name, detail, {spec.name: array}, GROWTH)


def _draw(usual: UsualInputs, spec: InputSpec, low: int, high: int) -> Array:
    """Return integers of all sizes in a range, with both of its ends."""
    generator = np.random.default_rng(usual.seed)
    shape = usual.arrays[spec.name].shape
    values = generator.integers(low, high, shape, np.int64, endpoint=True)
    flat = values.reshape(-1)
    flat[: flat.size // 4] = low
    flat[flat.size // 4 : flat.size // 2] = high
    generator.shuffle(flat)
    return np.asarray(flat.reshape(shape).astype(spec.dtype))
