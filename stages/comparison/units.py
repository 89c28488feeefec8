"""Units of outputs: divisors that bring the outputs of large inputs to an ordinary size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays

__all__ = ["divide_by_units", "find_units", "has_large_errors"]

USUAL_ERROR = 2.0**-18
"""Rounding error from which on a unit grows; a tolerance of 1e-4 is 26 times as large."""


def find_units(
    outputs: ArrayMapping, scale: float, precise: ArrayMapping | None = None
) -> dict[str, float]:
    """Return the divisor of each output for inputs that are ``scale`` times as large as usual.

    Rounding errors grow with the terms of a sum, and the terms with the inputs, but an absolute
    tolerance applies to values of ordinary size. A unit is a power of two, so a division by it is
    exact: for large inputs that of the output's largest value, or more if rounding errors are
    larger still. These are measured where the output is also there in float64; else they may have
    grown by ``scale``.

    Args:
        outputs: The outputs of the reference.
        scale: The factor between the inputs and usual ones.
        precise: The same outputs in float64, if the reference has such a form.
    """
    units = {}
    for name, array in outputs.items():
        if array.dtype.kind == "f" and array.size and np.isfinite(array).all():
            growth = _find_growth(array, scale, (precise or {}).get(name))
            units[name] = growth if scale == 1 else max(growth, _round_up(array))
    return units


def has_large_errors(expected: ArrayMapping, actual: ArrayMapping, scale: float) -> bool:
    """Return whether float32 outputs differ by more than the usual rounding error.

    For large inputs, which ``scale`` tells, errors are compared with the output's largest value.
    """
    for name in expected.keys() & actual.keys():
        a, b = expected[name], actual[name]
        if a.dtype == b.dtype == np.float32 and a.shape == b.shape and a.size:
            with np.errstate(invalid="ignore", over="ignore"):
                error = float(np.abs(a - b).max())
            size = 1.0 if scale == 1 else max(1.0, float(np.abs(a).max()))
            if not error <= USUAL_ERROR * size:
                return True
    return False


def _find_growth(array: Array, scale: float, precise: Array | None) -> float:
    """Return the growth of the rounding error: the measured one, else ``scale``."""
    if precise is None or array.dtype != np.float32 or precise.shape != array.shape:
        return scale
    errors = array - precise
    return max(1.0, _round_up(errors / USUAL_ERROR)) if np.isfinite(errors).all() else scale


def _round_up(array: Array) -> float:
    """Return the power of two from the largest magnitude on."""
    largest = float(np.abs(array).max())
    return float(2.0 ** np.ceil(np.log2(largest))) if largest > 0 else 0.0


def divide_by_units(outputs: ArrayMapping, units: Mapping[str, float]) -> Arrays:
    """Divide each floating-point output that has a unit by its unit."""
    return {
        name: array / array.dtype.type(units[name]) if name in units else array
        for name, array in outputs.items()
    }
