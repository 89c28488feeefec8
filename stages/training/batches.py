"""Batches of a split for training: in random order, shifted, shared, on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.training.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from prunepack.stages.data.samples import Samples
    from prunepack.stages.data.splits import AnySplit
    from prunepack.stages.training.config import TrainConfig

__all__ = ["Loader", "Tensors", "count_batches", "limit_samples", "put_on", "shuffle_batches"]

Tensors = dict[str, "torch.Tensor"]
"""Tensors by the name of the model's input or output."""


def shuffle_batches(split: AnySplit, config: TrainConfig) -> Iterator[Samples]:
    """Yield the split once, in random order where its samples have an index.

    A DataLoader or a generator keeps its own order and its own batches.
    """
    import torch

    count = split.samples
    order = None if count is None else torch.randperm(count).numpy()
    yield from limit_samples(split.read(config.batch_size, order, cut=False), config.samples)


def limit_samples(batches: Iterator[Samples], samples: int) -> Iterator[Samples]:
    """Yield up to ``samples`` samples of the batches; all for 0."""
    count = 0
    for batch in batches:
        left = samples - count
        yield batch if not samples or len(batch) <= left else batch.take(slice(left))
        count += len(batch)
        if samples and count >= samples:
            return


def count_batches(split: AnySplit, config: TrainConfig) -> int:
    """Return the number of steps of one pass; an estimate if the split has no known end."""
    limit = -(-config.samples // config.batch_size) if config.samples else None
    known = split.count_batches(config.batch_size)
    return max(1, min(count for count in (limit, known) if count is not None))


def put_on(device: torch.device, samples: Samples, shift: int = 0) -> Tensors:
    """Return the inputs of a batch as tensors on ``device``, images shifted at random."""
    import torch

    arrays = {name: torch.from_numpy(array) for name, array in samples.arrays.items()}
    return {name: _shift(tensor, shift).to(device) for name, tensor in arrays.items()}


def _shift(images: torch.Tensor, most: int) -> torch.Tensor:
    """Move a whole batch of images (n, c, h, w) by up to ``most`` pixels each way."""
    import torch

    if not most or images.ndim != 4:
        return images
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))


@dataclass(frozen=True, slots=True)
class Loader:
    """Batches ``(inputs, labels)`` of a split on a device, for hooks; every ``iter()`` is one pass.

    Attributes:
        split: The samples.
        config: The settings of the training: the size of a batch.
        device: The device of the tensors.
        ranks: The processes; each gets its share of every batch.
        shuffle: Whether each pass has a new random order.
    """

    split: AnySplit
    config: TrainConfig
    device: torch.device
    ranks: Ranks = ALONE
    shuffle: bool = True

    def __len__(self) -> int:
        """Return the number of batches; an estimate if the split has no known end."""
        return count_batches(self.split, self.config)

    def __iter__(self) -> Iterator[tuple[torch.Tensor | Tensors, torch.Tensor | None]]:
        """Yield every batch once: the inputs as a tensor, or by name if there are several."""
        import torch

        for batch in self._read():
            samples = self.ranks.share(batch)
            inputs = put_on(self.device, samples)
            labels = samples.labels
            answers = None if labels is None else torch.from_numpy(labels).to(self.device)
            yield inputs if len(inputs) > 1 else next(iter(inputs.values())), answers

    def _read(self) -> Iterator[Samples]:
        if self.shuffle:
            return shuffle_batches(self.split, self.config)
        return limit_samples(self.split.read(self.config.batch_size), self.config.samples)
