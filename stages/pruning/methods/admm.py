"""Single weights whose loss the remaining weights of the layer can make up for best, by ADMM.

Wanda weighs each weight alone. Here, the weights of a linear layer and its mask are found together:
the alternating direction method of multipliers (Boyd et al. 2011) goes back and forth between the
weights that keep the outputs on calibration samples and the nearest weights that are sparse (Boža
2024; Meng et al. 2024). Only the mask is used: the hook ``reconstruct`` computes the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.prune import BasePruningMethod

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD", "PruneByOutputs", "choose_mask"]

DAMPING = 0.01
"""Weight of the dense values, as a fraction of an input's energy."""
PENALTY = 0.1
"""First weight of the distance between the two solutions."""
PERIOD = 3
"""Iterations between two steps of the penalty."""
ITERATIONS = 300
STEPS = ((0.1, 1.3), (0.005, 1.2), (0.0, 1.1))
"""Factors of the penalty where more than a fraction of the mask has changed (Meng et al. 2024)."""


class PruneByOutputs(BasePruningMethod):
    """Prunes the weights of a layer without which its outputs change least.

    Args:
        amount: The fraction, or the count, of the remaining weights of the tensor.
        products: Mean products of the inputs (inputs, inputs).
    """

    PRUNING_TYPE = "global"  # torch's word for a mask that is computed from the whole tensor

    def __init__(self, amount: float, products: torch.Tensor) -> None:
        self.amount, self.products = amount, products

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of ``t`` (outputs, inputs): ones and zeros, same shape and dtype."""
        remaining = int(default_mask.sum())
        is_count = isinstance(self.amount, int)
        kept = remaining - round(self.amount if is_count else self.amount * remaining)

        def keep_largest(values: torch.Tensor) -> torch.Tensor:
            ranked = values.abs().masked_fill(default_mask == 0, -1.0).flatten()
            mask = torch.zeros_like(ranked)
            mask[ranked.topk(kept, sorted=False).indices] = 1.0
            return mask.view_as(values)

        return choose_mask(t.detach() * default_mask, self.products, keep_largest).to(t.dtype)


def choose_mask(
    weight: torch.Tensor,
    products: torch.Tensor,
    project: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Return the mask with which a linear layer can come close to its dense outputs.

    Args:
        weight: The dense weight (outputs, inputs).
        products: Mean products of the inputs (inputs, inputs).
        project: Returns the mask of a weight whose inputs have the energy 1.
    """
    scale = products.diagonal().sqrt().clamp(min=1e-12)
    energies, axes = torch.linalg.eigh(products / scale / scale[:, None])
    energies, axes = (energies.clamp(min=0) + DAMPING).float(), axes.float()
    dense = weight.float() * scale.float()
    target = (dense @ axes * energies) @ axes.T
    mask = project(dense)
    sparse, dual, penalty = dense * mask, torch.zeros_like(dense), PENALTY
    before = mask
    for iteration in range(1, ITERATIONS + 1):
        right = target - dual + penalty * sparse
        solved = (right @ axes / (energies + penalty)) @ axes.T
        shifted = solved + dual / penalty
        mask = project(shifted)
        sparse = shifted * mask
        dual += penalty * (solved - sparse)
        if iteration % PERIOD == 0:
            changed = float((mask != before).sum() / mask.sum().clamp(min=1))
            if not changed:
                break
            penalty *= next(factor for least, factor in STEPS if changed > least)
            before = mask
    return mask


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return {"products": options.statistics.find("products", name)}


METHOD = Method(PruneByOutputs, _arguments, axis="inputs", needs=("products",))
