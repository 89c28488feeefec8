"""Training loop for classifiers, with or without masks; it keeps the best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import note, track
from prunepack.stages.training.batches import shuffle_batches
from prunepack.stages.training.config import choose_device
from prunepack.stages.training.losses import Loss
from prunepack.stages.training.scoring import measure_accuracy

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import Data, Split
    from prunepack.stages.training.config import TrainConfig

__all__ = ["Fitted", "fit"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a training.

    Attributes:
        best_epoch: The epoch whose weights were kept; 0 for the weights before the first epoch.
        validation: Accuracy on the validation split at that epoch, as a fraction.
    """

    best_epoch: int
    validation: float


def fit(
    model: nn.Module, data: Data, config: TrainConfig, teacher: nn.Module | None = None
) -> Fitted:
    """Fit ``model`` in place and leave it, in evaluation mode, with its best epoch's weights.

    The loss is cross-entropy, with ``distill`` mixed with the divergence from the softened outputs
    of ``teacher`` (Hinton, Vinyals and Dean 2015). The best epoch is the first one with the highest
    accuracy on the validation split; the test split is not used.

    Raises:
        UsageError: If there are no training and validation samples, or no such device.
    """
    import torch

    if not data.train or not data.validation:
        raise UsageError(
            "the dataset cannot be trained on", expected="train and validation splits", found="none"
        )
    device = choose_device(config.device)
    model.to(device)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        fitted = _fit(model, data.train, data.validation, config, teacher, device)
    model.to("cpu").eval()
    return fitted


def _fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    config: TrainConfig,
    teacher: nn.Module | None,
    device: torch.device,
) -> Fitted:
    epochs = _Epochs(model, train, config, teacher, device)
    best = Fitted(0, measure_accuracy(model, validation) if config.epochs == 0 else -1.0)
    kept: dict[str, torch.Tensor] = {}
    for epoch in range(1, config.epochs + 1):
        epochs.run(epoch)
        score = measure_accuracy(model, validation)
        note(f"epoch {epoch}: {100 * score:.2f} % on {len(validation):,} validation samples")
        if score > best.validation:
            best = Fitted(epoch, score)
            kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if kept:
        model.load_state_dict(kept)
    return best


class _Epochs:
    """Passes over the training split, with one optimizer and one course of the learning rate."""

    def __init__(
        self,
        model: nn.Module,
        train: Split,
        config: TrainConfig,
        teacher: nn.Module | None,
        device: torch.device,
    ) -> None:
        import torch

        self._model, self._train, self._config, self._device = model, train, config, device
        self._optimizer = _make_optimizer(model, config)
        self._batches = -(-len(train) // config.batch_size)
        factor = _decay(config.schedule, config.epochs * self._batches)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._loss = Loss(config, teacher.to(device).eval() if teacher else None)

    def run(self, epoch: int) -> None:
        """Train on every batch once."""
        self._model.train()
        batches = shuffle_batches(self._train, self._config, self._device)
        title = f"epoch {epoch} of {self._config.epochs}"
        for inputs, labels in track(batches, title, self._batches):
            self._optimizer.zero_grad()
            self._loss(self._model(inputs), inputs, labels).backward()
            self._optimizer.step()
            self._scheduler.step()


def _make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, config.lr, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        parameters,
        config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )


def _decay(schedule: str, steps: int) -> Callable[[int], float]:
    """Return a function from the step to the factor of the learning rate."""

    def factor(step: int) -> float:
        done = min(step / max(steps, 1), 1.0)
        if schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        return 1.0 if schedule == "constant" else 1 - done

    return factor
