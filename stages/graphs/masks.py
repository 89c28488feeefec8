"""Pruning methods of torch.nn.utils.prune in numpy: the same amounts, rounding and ranks.

Weights are in torch's order of axes: outputs, inputs, and the others. A mask is boolean, true for
remaining weights. As in torch, an amount counts remaining weights or channels, a fraction is
rounded half to even, and pruned weights stay pruned. Among equal magnitudes, the first is pruned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunepack.stages.contract.arrays import Array

__all__ = [
    "count_channels",
    "draw_like_torch",
    "mask_groups",
    "mask_random",
    "mask_random_channels",
    "mask_smallest",
    "mask_smallest_channels",
]

MANTISSA = 24
"""Random bits of a float32 number, as torch draws it."""


def draw_like_torch(seed: int) -> Callable[[int], Array]:
    """Return a function that draws the numbers of ``torch.rand`` after ``torch.manual_seed``.

    Both are MT19937 with the same initialisation; torch keeps the low 24 bits of each word.
    """
    generator = np.random.RandomState(seed & 0xFFFFFFFF)

    def draw(count: int) -> Array:
        words = generator.randint(0, 1 << 32, count, dtype=np.uint32)
        return (words & ((1 << MANTISSA) - 1)).astype(np.float32) / np.float32(1 << MANTISSA)

    return draw


def mask_smallest(
    values: Sequence[Array], masks: Sequence[Array], count: int, least: Sequence[int]
) -> list[Array]:
    """Mask the ``count`` remaining weights of the smallest magnitude, over all tensors together.

    Args:
        values: The tensors.
        masks: Their masks so far.
        count: The number of weights to mask.
        least: The number of weights that at least stay in each tensor.
    """
    return _mask_lowest([np.abs(array) for array in values], masks, count, least)


def mask_random(
    masks: Sequence[Array], count: int, least: Sequence[int], draw: Callable[[int], Array]
) -> list[Array]:
    """Mask ``count`` remaining weights at random, over all tensors together."""
    remaining = _join(masks)
    ranks = np.zeros(remaining.size, np.float32)
    ranks[remaining] = -draw(int(remaining.sum()))
    return _mask_lowest(_split(ranks, masks), masks, count, least)


def _mask_lowest(
    ranks: Sequence[Array], masks: Sequence[Array], count: int, least: Sequence[int]
) -> list[Array]:
    """Mask the ``count`` remaining weights of the lowest rank, but the ``least`` highest."""
    remaining = _join(masks)
    protected = _join([_find_highest(*each) for each in zip(ranks, masks, least, strict=True)])
    places = np.flatnonzero(remaining & ~protected)
    order = np.argsort(_join(ranks)[places], kind="stable")
    remaining[places[order[:count]]] = False
    return _split(remaining, masks)


def _find_highest(ranks: Array, mask: Array, count: int) -> Array:
    """Return where the ``count`` remaining weights of the highest rank are."""
    found: Array = np.zeros(mask.size, bool)
    if count:
        places = np.flatnonzero(mask.reshape(-1))
        order = np.argsort(-ranks.reshape(-1)[places], kind="stable")
        found[places[order[:count]]] = True
    return found


def count_channels(mask: Array, dim: int) -> Array:
    """Return for each channel whether one of its weights remains."""
    return np.asarray(np.moveaxis(mask, dim, 0).reshape(mask.shape[dim], -1).any(1))


def mask_smallest_channels(
    values: Array, mask: Array, count: int, dim: int, norm: float | str
) -> Array:
    """Mask the ``count`` remaining channels of the smallest norm."""
    channels = np.flatnonzero(count_channels(mask, dim))
    rows = np.moveaxis(values, dim, 0)[channels].astype(np.float64)
    order = np.argsort(_compute_norms(rows, norm), kind="stable")
    return _mask_channels(mask, dim, channels[order[:count]])


def mask_random_channels(mask: Array, count: int, dim: int, draw: Callable[[int], Array]) -> Array:
    """Mask ``count`` remaining channels at random: those with the smallest numbers."""
    channels = np.flatnonzero(count_channels(mask, dim))
    order = np.argsort(draw(len(channels)), kind="stable")
    return _mask_channels(mask, dim, channels[order[:count]])


def mask_groups(values: Array, mask: Array, n: int, m: int, dim: int) -> Array:
    """Keep at most the ``n`` largest of every ``m`` consecutive weights along ``dim``.

    Raises:
        ValueError: If the size of ``dim`` is not a multiple of ``m``.
    """
    if values.shape[dim] % m:
        size = f"{values.shape[dim]} of {values.shape}"
        raise ValueError(f"the size of dim {dim} must be a multiple of {m}: {size}")
    magnitudes = np.where(mask, np.abs(values), -1.0)
    groups = np.moveaxis(magnitudes, dim, -1)
    shape = groups.shape
    groups = groups.reshape(*shape[:-1], -1, m)
    largest = np.argsort(-groups, axis=-1, kind="stable")[..., :n]
    kept = np.zeros(groups.shape, bool)
    np.put_along_axis(kept, largest, values=True, axis=-1)
    return np.moveaxis(kept.reshape(shape), -1, dim) & mask


def _compute_norms(rows: Array, norm: float | str) -> Array:
    """Return the norm of each row: of its elements, or for ``nuc`` of its matrix."""
    if norm == "nuc":
        if rows.ndim != 3:
            raise UsageError(
                "the nuclear norm is of matrices",
                expected="channels of 2 dimensions",
                found=f"{rows.ndim - 1}",
                hint="Choose another norm, such as 1 or 2",
            )
        singular: Array = np.linalg.svd(rows, compute_uv=False)
        return np.asarray(singular.sum(-1))
    order = 2.0 if norm == "fro" else float(norm)
    return np.asarray(np.linalg.norm(rows.reshape(len(rows), -1), order, axis=1))


def _mask_channels(mask: Array, dim: int, channels: Array) -> Array:
    masked = mask.copy()
    np.moveaxis(masked, dim, 0)[channels] = False
    return masked


def _join(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays])


def _split(flat: Array, like: Sequence[Array]) -> list[Array]:
    ends = np.cumsum([array.size for array in like])[:-1]
    parts = np.split(flat, ends)
    return [part.reshape(array.shape) for part, array in zip(parts, like, strict=True)]
