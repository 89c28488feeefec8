"""Batches of a split for training: in random order, shifted, on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from prunepack.stages.data.datasets import Split
    from prunepack.stages.training.config import TrainConfig

__all__ = ["shuffle_batches"]


def shuffle_batches(
    split: Split, config: TrainConfig, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the split once, in random order, as batches of tensors on ``device``."""
    import torch

    inputs, labels = torch.from_numpy(split.inputs), torch.from_numpy(split.labels)
    for chosen in torch.randperm(len(split)).split(config.batch_size):
        batch = _shift(inputs[chosen], config.shift)
        yield batch.to(device), labels[chosen].to(device)


def _shift(images: torch.Tensor, most: int) -> torch.Tensor:
    """Move a whole batch of images (n, c, h, w) by up to ``most`` pixels each way."""
    import torch

    if not most or images.ndim != 4:
        return images
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))
