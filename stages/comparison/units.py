"""Units of outputs: divisors that bring the outputs of large inputs to an ordinary size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays

__all__ = ["divide_by_units", "find_units"]


def find_units(outputs: ArrayMapping, scale: float) -> dict[str, float]:
    """Return the divisor of each output for inputs that are ``scale`` times as large as usual.

    Rounding errors grow with the terms of a sum, and the terms with the inputs, but an absolute
    tolerance applies to values of ordinary size. A unit is a power of two, so a division by it is
    exact: ``scale``, or more if the output's largest value needs more.
    """
    if scale == 1:
        return {}
    return {
        name: max(scale, 2.0 ** np.ceil(np.log2(np.abs(array).max())))
        for name, array in outputs.items()
        if array.dtype.kind == "f" and array.any()
    }


def divide_by_units(outputs: ArrayMapping, units: Mapping[str, float]) -> Arrays:
    """Divide each floating-point output that has a unit by its unit."""
    return {
        name: array / array.dtype.type(units[name]) if name in units else array
        for name, array in outputs.items()
    }
