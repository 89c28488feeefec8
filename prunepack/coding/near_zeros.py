"""Elements that an artifact stores as nonzeros although they are zero, or almost.

A product of weights and a mask has -0.0 where a negative weight was pruned. Weight decay leaves
denormals.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.dtypes import bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from prunepack.coding.dtypes import Array

__all__ = [
    "NearZeros",
    "count_near_zeros",
    "describe_near_zeros",
    "find_denormals",
    "sum_near_zeros",
]

MANTISSA_BITS: Mapping[str, int] = MappingProxyType({"bfloat16": 7, "float32": 23, "float64": 52})
"""Bits of the mantissa, by dtype.

Processors compute in these dtypes, or in float32 with bfloat16 weights. A float16 weight becomes
a normal float32 number, whatever its size, so that float16 is not among them.
"""

FLOATS = {*MANTISSA_BITS, "float16"}
"""Dtypes that have a -0.0."""

MIN_FRACTION = 0.01
"""With smaller fractions of the elements, nothing is said: a few such elements are normal."""


class NearZeros(NamedTuple):
    """Numbers of elements that are -0.0, and that are denormal.

    Denormals of float16 do not count, since processors compute with them as float32.
    """

    negative_zeros: int = 0
    denormals: int = 0


def count_near_zeros(items: Array, dtype: str) -> NearZeros:
    """Count such elements; types other than floats of 16 bits or more have none.

    Args:
        items: The elements, of any shape, as floats or as their bits.
        dtype: Name of their type.
    """
    if dtype not in FLOATS:
        return NearZeros()
    words = bits(np.ascontiguousarray(items))
    sign = words.dtype.type(1 << (8 * words.itemsize - 1))
    denormals = find_denormals(words, dtype)
    return NearZeros(int(np.count_nonzero(words == sign)), int(np.count_nonzero(denormals)))


def find_denormals(items: Array, dtype: str) -> npt.NDArray[np.bool_]:
    """Return the elements that are denormal, in the shape of ``items``.

    The bits decide: a processor that takes denormals for zeros also compares them as zeros.

    Args:
        items: The elements, of any shape, as floats or as their bits.
        dtype: Name of their type; integers and float16 have no denormals that count.
    """
    mantissa = MANTISSA_BITS.get(dtype)
    if mantissa is None:
        return np.zeros(items.shape, bool)
    words = bits(np.ascontiguousarray(items))  # of one axis at least: scalars warn
    one = words.dtype.type(1)
    found: npt.NDArray[np.bool_] = (words << one) - one < words.dtype.type((2 << mantissa) - 1)
    return found.reshape(items.shape)


def sum_near_zeros(counts: Iterable[NearZeros]) -> NearZeros:
    """Return the sum of counts."""
    return NearZeros(*map(sum, zip(NearZeros(), *counts, strict=True)))


def describe_near_zeros(counts: NearZeros, elements: int) -> str:
    """Return a sentence about such elements of a model with ``elements``, or an empty one."""
    parts = [
        f"{count:,} of {elements:,} elements are {kind}"
        for count, kind in zip(counts, ("-0.0", "denormal"), strict=True)
        if count > MIN_FRACTION * elements
    ]
    if not parts:
        return ""
    return (
        f"{' and '.join(parts)}, which an artifact stores as nonzeros; `prunepack finalize`, or "
        "`prunepack run` with an .onnx file, makes them +0.0"
    )
