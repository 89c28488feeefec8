"""Loss of our training: the labels, and the dense model's outputs for distillation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

    from prunepack.stages.training.config import TrainConfig

__all__ = ["Loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy, mixed with the divergence from the teacher's softened outputs."""

    config: TrainConfig
    teacher: nn.Module | None

    def __call__(
        self, logits: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of one batch."""
        import torch
        import torch.nn.functional as F  # noqa: N812 -- its usual name

        hard = F.cross_entropy(logits, labels)
        if self.teacher is None or not self.config.distill:
            return hard
        heat = self.config.temperature
        with torch.no_grad():
            target = F.softmax(self.teacher(inputs) / heat, dim=1)
        soft = F.kl_div(F.log_softmax(logits / heat, dim=1), target, reduction="batchmean")
        return (1 - self.config.distill) * hard + self.config.distill * heat**2 * soft
