"""Example of a user's own pruning method: it prunes every other weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.utils.prune import BasePruningMethod

if TYPE_CHECKING:
    import torch

__all__ = ["EveryOther"]


class EveryOther(BasePruningMethod):
    """Pruning of every other entry of the remaining weights."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: torch.Tensor, default_mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return ``default_mask`` with every other entry set to zero; same shape and dtype."""
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask
