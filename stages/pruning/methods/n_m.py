"""N:M sparsity: at most the N largest of every M consecutive weights are kept.

Sparse tensor cores support N:M = 2:4 along the dimension that a matrix product sums over (Mishra
et al. 2021, "Accelerating Sparse Deep Neural Networks"), the input dimension. Weights are
grouped along dim 1: the inputs of ``Linear`` (out, in) and the input channels of a convolution
(out, in, ...) at each kernel position, as NVIDIA's own tool (apex, ``contrib/sparsity``) does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.prune import BasePruningMethod

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "KeepNOfM"]

INPUTS = 1
"""The dimension along which weights are grouped."""


class KeepNOfM(BasePruningMethod):
    """Keeps the ``n`` largest of every ``m`` consecutive weights along the input dimension."""

    PRUNING_TYPE = "global"  # torch's word for a mask that is computed from the whole tensor

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (out, in, ...): ones and zeros, of the same shape and dtype.

        The first of equal magnitudes is kept; entries that ``default_mask`` prunes stay pruned.

        Raises:
            ValueError: If the size of the input dimension is not a multiple of M.
        """
        size = t.shape[INPUTS] if t.ndim > INPUTS else 0
        if not size or size % self.m:
            found = f"{size} of {tuple(t.shape)}" if size else f"the shape {tuple(t.shape)}"
            raise ValueError(f"the size of dim {INPUTS} must be a multiple of {self.m}: {found}")
        magnitude = t.detach().abs().masked_fill(default_mask == 0, -1.0)
        groups = magnitude.movedim(INPUTS, -1).unflatten(-1, (-1, self.m))
        order = groups.argsort(dim=-1, descending=True, stable=True)
        kept = torch.zeros_like(groups).scatter_(-1, order[..., : self.n], 1.0)
        return kept.flatten(-2).movedim(-1, INPUTS).contiguous() * default_mask


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    n, m = map(int, options.pattern.split(":"))
    return {"n": n, "m": m}


METHOD = Method(KeepNOfM, _arguments)
