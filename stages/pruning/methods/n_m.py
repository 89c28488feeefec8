"""N:M sparsity: at most the N largest of every M consecutive weights are kept.

Sparse tensor cores support N:M = 2:4 along the dimension that a matrix product sums over (Mishra
et al. 2021, "Accelerating Sparse Deep Neural Networks"), the input dimension. Weights are
grouped along the inputs of ``Linear`` and the input channels of a convolution at each kernel
position, as NVIDIA's own tool (apex, ``contrib/sparsity``) does: dim 1 of (out, in, ...).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.prune import BasePruningMethod

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "KeepNOfM"]


class KeepNOfM(BasePruningMethod):
    """Keeps the ``n`` largest of every ``m`` consecutive weights along a dimension, the inputs."""

    PRUNING_TYPE = "global"  # torch's word for a mask that is computed from the whole tensor

    def __init__(self, n: int, m: int, dim: int = 1) -> None:
        self.n, self.m, self.dim = n, m, dim

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (out, in, ...): ones and zeros, of the same shape and dtype.

        The first of equal magnitudes is kept; entries that ``default_mask`` prunes stay pruned.

        Raises:
            ValueError: If the size of the input dimension is not a multiple of M.
        """
        size = t.shape[self.dim] if -t.ndim <= self.dim < t.ndim else 0
        if not size or size % self.m:
            found = f"{size} of {tuple(t.shape)}" if size else f"the shape {tuple(t.shape)}"
            raise ValueError(f"the size of dim {self.dim} must be a multiple of {self.m}: {found}")
        magnitude = t.detach().abs().masked_fill(default_mask == 0, -1.0)
        groups = magnitude.movedim(self.dim, -1).unflatten(-1, (-1, self.m))
        order = groups.argsort(dim=-1, descending=True, stable=True)
        kept = torch.zeros_like(groups).scatter_(-1, order[..., : self.n], 1.0)
        return kept.flatten(-2).movedim(-1, self.dim).contiguous() * default_mask


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    n, m = map(int, options.pattern.split(":"))
    return {"n": n, "m": m, "dim": options.dim}


METHOD = Method(KeepNOfM, _arguments, axis="inputs")
