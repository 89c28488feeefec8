"""LeNet-300-100: two hidden linear layers (LeCun, Bottou, Bengio and Haffner 1998)."""

from __future__ import annotations

from torch import nn

from prunepack.stages.models.builtin import Model
from prunepack.stages.training.config import TrainConfig

__all__ = ["MODEL"]


def lenet300() -> nn.Module:
    """Build 784-300-100-10: images float32 (n, 1, 28, 28) to logits (n, 10)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 300),
        nn.ReLU(),
        nn.Linear(300, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


MODEL = Model(
    build=lenet300, shape=(1, 28, 28), dataset="mnist", training=TrainConfig(epochs=8, shift=1)
)
