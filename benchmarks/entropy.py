"""Order-0 entropy of pruned weights: the lower bound of coding element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.onnx_tensors import view_bits

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["estimate_bits", "estimate_bytes"]

PIECES = {
    np.dtype(np.float32): (1, 15, 8, 8),
    np.dtype(np.float16): (1, 10, 5),
    np.dtype(np.int8): (8,),
}
"""Bits of an element, from the highest down: sign, exponent with the top of the mantissa, rest.

The exponent and the top bits go together, since pruning by magnitude cuts through both. The
entropy of a whole mantissa cannot be estimated: in most tensors each value occurs once.
"""


def estimate_bits(array: Array) -> float:
    """Estimate the bits of an ideal order-0 compressor that knows all frequencies beforehand.

    The mask of nonzero elements is coded by itself, then the pieces of each nonzero element,
    each independently of the others (Shannon 1948). Other types are coded byte by byte.

    Args:
        array: A 1-D array.
    """
    words = view_bits(array)
    mask = words != 0
    total = _sum_entropy(mask)
    kept = words[mask]
    below = 8 * array.dtype.itemsize
    for width in PIECES.get(array.dtype, (8,) * array.dtype.itemsize):
        below -= width
        piece = (kept >> kept.dtype.type(below)) & kept.dtype.type(2**width - 1)
        total += _sum_entropy(piece)
    return total


def estimate_bytes(tensors: tuple[Array, ...]) -> float:
    """Estimate the bytes of all tensors by :func:`estimate_bits`."""
    return sum(map(estimate_bits, tensors)) / 8


def _sum_entropy(symbols: Array) -> float:
    """Return the empirical entropy of ``symbols`` times their number, in bits."""
    if not symbols.size:
        return 0.0
    counts = np.bincount(symbols.astype(np.uint16, copy=False))
    counts = counts[counts > 0]
    return float((counts * np.log2(symbols.size / counts)).sum())
