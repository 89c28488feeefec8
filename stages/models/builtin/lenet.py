"""LeNet as PyTorch's pruning tutorial has it: two 3 × 3 convolutions, three linear layers."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

from prunepack.stages.models.builtin import Model
from prunepack.stages.training.config import TrainConfig

__all__ = ["MODEL", "LeNet"]


class LeNet(nn.Module):
    """60,074 parameters; images float32 (n, 1, 28, 28) to logits (n, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of ``x``."""
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, int(x.nelement() / x.shape[0]))
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        logits: torch.Tensor = self.fc3(x)
        return logits


MODEL = Model(
    build=LeNet,
    shape=(1, 28, 28),
    dataset="mnist",
    training=TrainConfig(epochs=20, lr=2e-3, shift=2, weight_decay=0.0),
    weights=Path(__file__).with_name("lenet.safetensors"),
)
