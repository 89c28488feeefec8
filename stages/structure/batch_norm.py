"""Factors by which exporters multiply a weight when they fold BatchNorm into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from torch import nn

    from prunepack.stages.contract.arrays import Array

__all__ = ["find_changed_values", "list_factors"]

ROUNDING = 64
"""Units in the last place by which a multiplication may move a weight."""


def list_factors(module: nn.Module) -> list[Array]:
    """Return ``gamma / sqrt(var + eps)`` of each BatchNorm of a model."""
    from torch.nn.modules.batchnorm import _NormBase

    factors = []
    for layer in module.modules():
        if isinstance(layer, _NormBase) and layer.running_var is not None:
            variance = layer.running_var.detach().double().numpy() + layer.eps
            gamma = 1.0 if layer.weight is None else layer.weight.detach().double().numpy()
            factors.append(np.asarray(gamma / np.sqrt(variance)))
    return factors


def find_changed_values(
    weight: Array, exported: Array, factors: Sequence[Array] = ()
) -> npt.NDArray[np.bool_]:
    """Return a mask of the elements of an exported weight that differ from the checkpoint's.

    Exporters fold BatchNorm into the previous layer, which multiplies each output channel by one
    number. Zeros stay zeros, so a revived pruned weight always counts.

    Args:
        weight: Floating point, of two dimensions or more.
        exported: The same shape and dtype.
        factors: The factors of the BatchNorms that may have been folded.
    """
    if np.array_equal(weight, exported, equal_nan=True):
        return np.zeros(weight.shape, bool)
    masks = [_is_different(weight.astype(np.float64), exported)]
    masks += [_is_different(scaled, exported) for scaled in _scale(weight, factors)]
    return min(masks, key=np.count_nonzero)


def _scale(weight: Array, factors: Sequence[Array]) -> Iterator[Array]:
    """Yield the weight times each factor that fits one of its first two axes or the last."""
    for axis in sorted({0, 1, weight.ndim - 1}):
        shape = [1] * weight.ndim
        shape[axis] = weight.shape[axis]
        for factor in factors:
            if factor.size == weight.shape[axis]:
                yield weight.astype(np.float64) * factor.reshape(shape)


def _is_different(expected: Array, exported: Array) -> npt.NDArray[np.bool_]:
    limits = np.finfo(exported.dtype)
    allowed = ROUNDING * float(limits.eps) * np.abs(expected) + float(limits.tiny)
    allowed[expected == 0] = 0
    with np.errstate(invalid="ignore"):
        return ~(np.abs(exported.astype(np.float64) - expected) <= allowed)
