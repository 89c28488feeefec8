"""Placing of nonzero values by the gaps between them, or by a bitmap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.coding.native import native

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array

__all__ = ["expand", "expand_in_python", "scatter", "scatter_in_python"]


def scatter(gaps: Array, values: Array, out: Array) -> bool:
    """Put value *i* at the sum of gaps 0 to *i*, plus *i*.

    Args:
        gaps: Zeros before each value (1-D, ``uint16`` or ``uint32``, as many as ``values``).
        values: Nonzero elements (1-D, of the type of ``out``).
        out: Target (1-D, contiguous, all zero); its content after a failure is undefined.

    Returns:
        Whether every value had a place in ``out`` and no value was a zero.
    """
    if native is None:
        return scatter_in_python(gaps, values, out)
    return native.scatter(bits(gaps), bits(values), bits(out), gaps.itemsize, out.itemsize) < 0


def scatter_in_python(gaps: Array, values: Array, out: Array) -> bool:
    """Do the same as :func:`scatter` with numpy alone."""
    places = np.cumsum(gaps, dtype=np.int64)
    places += np.arange(places.size)
    if (places.size and places[-1] >= out.size) or not bits(values).all():
        return False
    out[places] = values
    return True


def expand(bitmap: Array, values: Array, out: Array) -> bool:
    """Put the values, in order, in the places of the ones in ``bitmap``.

    Args:
        bitmap: A bit per element of ``out``, the first in the lowest bit (1-D, ``uint8``).
        values: Nonzero elements (1-D, of the type of ``out``).
        out: Target (1-D, contiguous, all zero); its content after a failure is undefined.

    Returns:
        Whether there was a value and a place for each one, and no value was a zero.
    """
    if native is None:
        return expand_in_python(bitmap, values, out)
    return native.expand(bitmap, bits(values), bits(out), out.itemsize) < 0


def expand_in_python(bitmap: Array, values: Array, out: Array) -> bool:
    """Do the same as :func:`expand` with numpy alone."""
    places = np.flatnonzero(np.unpackbits(bitmap, bitorder="little"))
    beyond = places.size > 0 and places[-1] >= out.size
    if beyond or places.size != values.size or not bits(values).all():
        return False
    out[places] = values
    return True
