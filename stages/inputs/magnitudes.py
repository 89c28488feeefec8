"""Stress inputs of magnitudes: zeros, small, large and missing values, also of one input alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.inputs.usual import UsualInputs

__all__ = ["SCALES", "scale_values", "set_missing_values", "set_zeros"]

SCALES = tuple(2.0**power for power in (-12, -6, -3, *range(2, 20, 2)))
"""Factors of floating-point values; powers of two, so that a division by them is exact."""

ALONE = (64.0, 4096.0)
"""Factors of one input while all others keep their values."""

MOST_IN_FLOAT16 = 1024.0
"""The largest factor of a float16 input, which overflows soon after."""

MISSING = 0.2
"""The fraction of the values that are missing."""


def set_zeros(usual: UsualInputs) -> Iterator[InputBatch | None]:
    """Yield zeros for all inputs, then for one input at a time; a mask is never all zero."""
    zeros = {spec.name: _zero_values(usual, spec) for spec in usual.free}
    yield usual.change("zeros", "", zeros)
    if len(zeros) > 1:
        for name, array in zeros.items():
            yield usual.change("zeros of", name, {name: array})


def _zero_values(usual: UsualInputs, spec: InputSpec) -> Array:
    low, high = usual.find_bounds(spec)
    array = usual.arrays[spec.name]
    return np.zeros_like(array) if low <= 0 <= high and not usual.is_mask(spec) else array


def scale_values(usual: UsualInputs) -> Iterator[InputBatch | None]:
    """Yield floating-point values times each scale, then one input at a time, then the extremes.

    Values stay in the range of their input.
    """
    unbounded = [spec for spec in usual.floats if spec.range is None]
    narrow = any(spec.dtype == "float16" for spec in unbounded)
    scales = [scale for scale in SCALES if not narrow or scale <= MOST_IN_FLOAT16]
    for scale in scales:
        word = "large" if scale > 1 else "small"
        arrays = _scale(usual, usual.floats, scale)
        if unbounded:
            factor = f"{scale:g}" if scale > 1 else f"1/{1 / scale:g}"
            yield usual.change(f"{word} values ×", factor, arrays, max(scale, 1.0))
    if len(usual.free) > 1:
        for spec in unbounded:
            for scale in scales[-1:] if narrow else ALONE:
                arrays = _scale(usual, [spec], scale)
                yield usual.change(f"{spec.name} alone ×", f"{scale:g}", arrays, scale)
    for word, end in (("lowest", 0), ("highest", 1)):
        arrays = {spec.name: _fill(usual, spec, end) for spec in usual.free}
        yield usual.change(f"{word} values", "", arrays)


def _scale(usual: UsualInputs, specs: Sequence[InputSpec], scale: float) -> Arrays:
    return {
        spec.name: usual.clip(spec, usual.arrays[spec.name].astype(np.float64) * scale)
        for spec in specs
    }


def _fill(usual: UsualInputs, spec: InputSpec, end: int) -> Array:
    """Return the lowest or the highest value of an input, if it has one."""
    bound = usual.find_bounds(spec)[end]
    array = usual.arrays[spec.name]
    if math.isinf(bound) or (usual.is_mask(spec) and not bound):
        return array
    return np.full_like(array, bound)


def set_missing_values(usual: UsualInputs) -> Iterator[InputBatch | None]:
    """Yield floating-point inputs with NaN here and there, as in data with missing values."""
    generator = np.random.default_rng(usual.seed)
    missing: Arrays = {}
    for spec in usual.floats:
        array = usual.arrays[spec.name]
        hidden = generator.random(array.shape) < MISSING
        missing[spec.name] = np.where(hidden, np.array(np.nan, array.dtype), array)
    yield usual.change("missing values", "", missing)
    if len(missing) > 1:
        for name, array in missing.items():
            yield usual.change("missing values of", name, {name: array})
