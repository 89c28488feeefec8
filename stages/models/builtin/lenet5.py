"""Caffe's LeNet-5: convolutions of 20 and 50 channels, 500 hidden units (Jia et al. 2014)."""

from __future__ import annotations

from torch import nn

from prunepack.stages.models.builtin import Model
from prunepack.stages.training.config import TrainConfig

__all__ = ["MODEL"]


def lenet5() -> nn.Module:
    """Build 20-50-500-10: images float32 (n, 1, 28, 28) to logits (n, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


MODEL = Model(build=lenet5, shape=(1, 28, 28), dataset="mnist", training=TrainConfig(epochs=4))
