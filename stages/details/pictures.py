"""Histogram of the weights of a layer, and a map of its mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.details.records import Histogram

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array

__all__ = ["draw_mask", "make_histogram"]

BINS = 40
MOST_ROWS, MOST_COLUMNS = 32, 96
"""Size of the largest map, in blocks."""


def make_histogram(dense: Array | None, pruned: Array) -> Histogram:
    """Count the weights of a layer by value, in :data:`BINS` bins that both forms share.

    Args:
        dense: The weights before pruning, of any shape and a float type; None if not known.
        pruned: The weights after pruning.
    """
    arrays = [_list_nonzero(array) for array in (dense, pruned) if array is not None]
    reach = max((float(np.max(np.abs(array))) for array in arrays if array.size), default=0.0)
    edges = np.linspace(-reach, reach, BINS + 1) if reach else np.linspace(-1.0, 1.0, BINS + 1)
    counts = [tuple(np.histogram(array, edges)[0].tolist()) for array in arrays]
    return Histogram(reach=reach, dense=counts[0] if counts[1:] else (), pruned=counts[-1])


def _list_nonzero(array: Array) -> Array:
    """Return the finite weights that are not zero, in float64."""
    flat = array.astype(np.float64).ravel()
    counted: Array = flat[(flat != 0) & np.isfinite(flat)]
    return counted


def draw_mask(weights: Array) -> tuple[str, ...]:
    """Return the shares of remaining weights per block of a matrix of outputs × all inputs.

    Args:
        weights: The pruned weights, at least two-dimensional; the axes after the first are joined.

    Returns:
        One text per row of blocks, with a digit per block: 0 for none, 9 for all, and 1 to 8 for
        eighths of a block in which some remain.
    """
    kept = (weights.reshape(len(weights), -1) != 0).astype(np.float64)
    shares = _average_blocks(_average_blocks(kept, MOST_ROWS).T, MOST_COLUMNS).T
    digits = np.ceil(shares * 8).astype(int)
    digits[shares >= 1] = 9
    return tuple("".join(map(str, row)) for row in digits.tolist())


def _average_blocks(matrix: Array, most: int) -> Array:
    """Average blocks of rows, so that at most ``most`` remain."""
    count = len(matrix)
    starts = np.arange(min(count, most)) * count // min(count, most)
    sizes = np.diff([*starts, count])
    means: Array = np.add.reduceat(matrix, starts, axis=0) / sizes[:, None]
    return means
