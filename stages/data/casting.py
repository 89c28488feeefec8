"""Values of users as numpy arrays, and casts that lose nothing."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array

__all__ = ["as_array", "cast_exactly", "find_loss"]

NUMBERS = "biufc"
"""Kinds of dtypes whose values are numbers."""


def as_array(value: Any, dtype: str = "") -> Array:
    """Return an array, a tensor of any kind, or nested Python numbers as a numpy array.

    Tensors are detached and moved to the CPU; bfloat16 becomes float32, which holds its values.
    Python floats have no dtype: they are rounded to ``dtype`` if it is a float, as torch does.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        tensor = value.to_dense() if value.layout != torch.strided else value
        tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        return np.asarray(tensor.numpy(force=True))
    array = value if isinstance(value, np.memmap) else np.asarray(value)
    if dtype.startswith("float") and array.dtype == np.float64 and _is_python(value):
        return array.astype(dtype)
    return array


def _is_python(value: Any) -> bool:
    """Return whether ``value`` consists of Python numbers, by the first of them."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return type(value) in {int, float, bool}


def cast_exactly(array: Array, dtype: str, subject: str, hint: str = "") -> Array:
    """Return ``array`` in ``dtype`` with the same values.

    Args:
        array: Any array.
        dtype: The name of the dtype.
        subject: The event if a value changes, for the error.
        hint: The advice; by default, one about ``load.inputs``.

    Raises:
        RefusedError: If a value would change; the error names both dtypes and the value.
    """
    loss = find_loss(array, dtype)
    if loss is None:
        return array.astype(dtype, copy=False)
    remedy = f"give {dtype} arrays" if dtype.startswith("float") else "give whole numbers"
    raise RefusedError(
        subject,
        expected=f"{dtype}, or values that {dtype} holds exactly",
        found=f"{array.dtype} with the value {loss}" if loss else f"{array.dtype}",
        hint=hint or f"Correct the dtype in load.inputs, or {remedy}",
    )


def find_loss(array: Array, dtype: str) -> str | None:
    """Return the first value that ``dtype`` cannot hold, as text; None if it holds all.

    The text is empty if the values are not numbers.
    """
    if array.dtype.kind not in NUMBERS:
        return ""
    if array.dtype == dtype or _is_safe(array.dtype, np.dtype(dtype)):
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        cast = array.astype(dtype)
        same = (cast.astype(array.dtype) == array) & _is_in_range(array, np.dtype(dtype))
    if np.dtype(dtype).kind == "f":
        same |= np.isnan(array)
    return None if same.all() else str(array[~same][0])


def _is_safe(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Return whether ``target`` holds every value of ``source``; int64 in float64 is not safe."""
    large = source.kind in "iu" and source.itemsize == 8 and target.kind in "fc"
    return np.can_cast(source, target, "safe") and not large


def _is_in_range(array: Array, target: np.dtype[Any]) -> Array | bool:
    if target.kind not in "iu" or array.dtype.kind not in "iuf":
        return True
    limits = np.iinfo(target)
    if array.dtype.kind == "f":
        return (array >= float(limits.min)) & (array < float(limits.max) + 1)
    return (array >= limits.min) & (array <= limits.max)
