"""Score of a live module on a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from prunepack.stages.data.datasets import Split

__all__ = ["measure_accuracy"]

EVALUATION_BATCH = 1000


def measure_accuracy(model: nn.Module, split: Split) -> float:
    """Return the fraction of ``split`` whose label has the highest output of ``model``."""
    import torch

    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    right = 0
    with torch.inference_mode():
        for at in range(0, len(split), EVALUATION_BATCH):
            inputs = torch.from_numpy(split.inputs[at : at + EVALUATION_BATCH]).to(device)
            labels = torch.from_numpy(split.labels[at : at + EVALUATION_BATCH]).to(device)
            right += int((model(inputs).argmax(1) == labels).sum())
    model.train(was_training)
    return right / len(split)
