"""Numbers of elements whose type numpy does not have."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array, DType

__all__ = ["numbers", "split"]


class _Format(NamedTuple):
    """A small float: widths of its fields, its bias, and its exceptional codes."""

    exponent: int
    mantissa: int
    bias: int
    special: Mapping[int, float]


_NAN, _INF = float("nan"), float("inf")
_SMALL_FLOATS: Mapping[str, _Format] = MappingProxyType(
    {
        "float8e4m3fn": _Format(4, 3, 7, {0x7F: _NAN, 0xFF: _NAN}),
        "float8e4m3fnuz": _Format(4, 3, 8, {0x80: _NAN}),
        "float8e5m2": _Format(
            5,
            2,
            15,
            {0x7C: _INF, 0xFC: -_INF} | dict.fromkeys((0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF), _NAN),
        ),
        "float8e5m2fnuz": _Format(5, 2, 16, {0x80: _NAN}),
        "float4e2m1": _Format(2, 1, 1, {}),
    }
)
"""As in "Float stored in 8 bits" and "Float stored in 4 bits" of the ONNX documentation."""

_SIGNED = MappingProxyType({"int4": 8, "int2": 2})
"""Sign bits of narrow integers."""


def split(items: Array, dtype: DType) -> Array:
    """Return one item per element; elements that share a byte are separated.

    Args:
        items: Items of a tensor (1-D, of the carrier of ``dtype``).
        dtype: Their type.

    Returns:
        The bits of the elements (1-D, of the carrier), with the padding of the last byte.
    """
    if dtype.packed == 1:
        return items
    width = 8 // dtype.packed
    shifts = np.arange(0, 8, width, dtype=np.uint8)
    parts: Array = items[:, None] >> shifts & (2**width - 1)
    return parts.ravel()


def numbers(elements: Array, dtype: DType) -> Array:
    """Return the numbers that ``elements`` represent, without rounding.

    Args:
        elements: Bits of single elements, as :func:`split` returns them (1-D).
        dtype: Their type.

    Returns:
        Integers or floats of a sufficient width (1-D).
    """
    if dtype.name == "bfloat16":
        elements = (elements.astype(np.uint32) << 16).view(np.float32)
    elif dtype.name in _SIGNED:
        sign = _SIGNED[dtype.name]
        elements = (elements ^ sign).astype(np.int8) - np.int8(sign)
    elif dtype.name == "float8e8m0":
        elements = np.where(elements == 0xFF, _NAN, 2.0 ** (elements.astype(np.float64) - 127))
    elif dtype.name in _SMALL_FLOATS:
        elements = _table(dtype.name)[elements]
    return elements


@cache
def _table(name: str) -> Array:
    """Return the number of each code of a small float (1-D, float64)."""
    exponent, mantissa, bias, special = _SMALL_FLOATS[name]
    codes = np.arange(2 ** (1 + exponent + mantissa))
    power = codes >> mantissa & (2**exponent - 1)
    significand = (codes & (2**mantissa - 1)) + np.where(power > 0, 2**mantissa, 0)
    values: Array = significand * 2.0 ** (np.maximum(power, 1) - bias - mantissa)
    values[codes >> (exponent + mantissa) == 1] *= -1
    for code, value in special.items():
        values[code] = value
    return values
