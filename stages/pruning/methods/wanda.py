"""Single weights of the smallest magnitude times input norm, per output (Sun et al. 2024).

"A Simple and Effective Pruning Approach for Large Language Models" (Wanda) ranks the weights of
each output by the change that they make to it on calibration samples. They are those of the
``train`` split of ``load.dataset``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.prune import BasePruningMethod

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "PruneByInputs"]


class PruneByInputs(BasePruningMethod):
    """Prunes the same amount of every output, the weights that change it least.

    Args:
        amount: The fraction, or the count, of the remaining weights of the tensor.
        norms: Norms of the inputs, in a shape that multiplies with the weight.
    """

    PRUNING_TYPE = "global"  # torch's word for a mask that is computed from the whole tensor

    def __init__(self, amount: float, norms: torch.Tensor) -> None:
        self.amount, self.norms = amount, norms

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (outputs, inputs, ...): ones and zeros, same shape and dtype."""
        remaining = default_mask.flatten(1).sum(1)
        part = self.amount
        if isinstance(part, int):
            part = part / max(1.0, float(remaining.sum()))
        scores = (t.detach().abs() * self.norms).flatten(1)
        scores = scores.masked_fill(default_mask.flatten(1) == 0, torch.inf)
        ranks = scores.argsort(dim=1, stable=True).argsort(dim=1)
        kept = ranks >= (part * remaining).round()[:, None]
        return (kept.view_as(t) * default_mask).to(default_mask.dtype)


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:
    return {"norms": options.statistics.find_norms(name, tensor)}


METHOD = Method(PruneByInputs, _arguments, axis="inputs", needs=("norms",))
