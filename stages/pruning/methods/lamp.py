"""Single weights of the smallest LAMP score, over all layers (Lee, Park, Mo, Ahn and Shin 2021).

"Layer-adaptive Sparsity for the Magnitude-based Pruning" divides the square of each weight by the
sum of the squares of all weights of its tensor that are not smaller. The largest weight of every
tensor has the score 1, so that no layer is emptied before all others. Within one layer the order
is that of the magnitudes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.utils.prune import L1Unstructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "compute_lamp"]


def compute_lamp(options: MethodOptions, name: str, tensor: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """Return the scores of ``tensor``, from 0 to 1, float32 in its shape."""
    squares, order = tensor.double().square().flatten().sort(stable=True)
    left = squares.flip(0).cumsum(0).flip(0)
    ranked = torch.where(left > 0, squares / left, left)
    return torch.empty_like(ranked).scatter_(0, order, ranked).view_as(tensor).float()


METHOD = Method(L1Unstructured, scope="global", score=compute_lamp)
