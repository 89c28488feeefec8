"""Training loop, with or without masks; it keeps the best epoch."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import note, remark, track
from prunepack.stages.data.user_samples import check_end
from prunepack.stages.training.answers import compute_outputs
from prunepack.stages.training.batches import count_batches, put_on, shuffle_batches
from prunepack.stages.training.config import choose_device
from prunepack.stages.training.losses import Objective
from prunepack.stages.training.scoring import Score, measure_score

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import AnySplit, Data
    from prunepack.stages.training.batches import Tensors
    from prunepack.stages.training.config import TrainConfig

__all__ = ["Fitted", "fit"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a training.

    Attributes:
        best_epoch: The epoch whose weights were kept; 0 for the weights before the first epoch.
        before: The score on the validation split before the first epoch.
        after: The score on the validation split at the best epoch.
    """

    best_epoch: int
    before: Score
    after: Score

    @property
    def validation(self) -> float:
        """Accuracy at the best epoch as a fraction, or the loss where labels are not classes."""
        return self.after.value


def fit(
    model: nn.Module, data: Data, config: TrainConfig, teacher: nn.Module | None = None
) -> Fitted:
    """Fit ``model`` in place and leave it, in evaluation mode, with its best epoch's weights.

    The loss depends on the labels, with ``distill`` mixed with the divergence from the outputs of
    ``teacher``. The best epoch is the first one with the best score on the validation split; the
    weights before training are kept only if every epoch is worse. The test split is not used.

    Raises:
        UsageError: If there are no training and validation samples, or no such device.
        RefusedError: If samples or labels do not fit the model.
    """
    import torch

    if not data.train or not data.validation:
        raise UsageError(
            "the dataset cannot be trained on", expected="train and validation splits", found="none"
        )
    for split in (data.train, data.validation):
        check_end(split, config.samples, "finetune.samples")
    device = choose_device(config.device)
    model.to(device)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        fitted = _fit(model, data.train, data.validation, config, teacher, device)
    model.to("cpu").eval()
    return fitted


def _fit(
    model: nn.Module,
    train: AnySplit,
    validation: AnySplit,
    config: TrainConfig,
    teacher: nn.Module | None,
    device: torch.device,
) -> Fitted:
    before = measure_score(model, validation, config)
    epochs = _Epochs(model, train, config, teacher, device)
    best = Fitted(0, before, before)
    kept = _copy_state(model)
    for epoch in range(1, config.epochs + 1):
        epochs.run(epoch)
        score = measure_score(model, validation, config)
        note(f"epoch {epoch}: {score.text} on {score.samples:,} validation samples")
        if score.is_better_than(best.after) or (not best.best_epoch and score == best.after):
            best, kept = Fitted(epoch, before, score), _copy_state(model)
    if config.epochs and not best.best_epoch:
        remark("training made the model worse on the validation split: epoch 0 kept")
    model.load_state_dict(kept)
    return best


def _copy_state(model: nn.Module) -> dict[str, Any]:
    """Return a copy of the state dict; extra state is a value of the model's own."""
    import torch

    state = model.state_dict()
    return {k: v.clone() if isinstance(v, torch.Tensor) else deepcopy(v) for k, v in state.items()}


class _Epochs:
    """Passes over the training split, with one optimizer and one course of the learning rate."""

    def __init__(
        self,
        model: nn.Module,
        train: AnySplit,
        config: TrainConfig,
        teacher: nn.Module | None,
        device: torch.device,
    ) -> None:
        import torch

        self._model, self._train, self._config, self._device = model, train, config, device
        self._optimizer = _make_optimizer(model, config)
        self._batches = count_batches(train, config)
        factor = _decay(config.schedule, config.epochs * self._batches)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._objective = Objective(config, train.layout.name)
        self._teacher = teacher.to(device).eval() if teacher and config.distill else None

    def run(self, epoch: int) -> None:
        """Train on every batch once."""
        self._model.train()
        title = f"epoch {epoch} of {self._config.epochs}"
        for samples in track(shuffle_batches(self._train, self._config), title, self._batches):
            inputs = put_on(self._device, samples, self._config.shift)
            taught = self._ask_teacher(inputs)
            outputs = compute_outputs(self._model, inputs)
            self._optimizer.zero_grad()
            self._objective.compute(outputs, samples.labels, taught).backward()
            self._optimizer.step()
            self._scheduler.step()

    def _ask_teacher(self, inputs: Tensors) -> Tensors | None:
        import torch

        if self._teacher is None:
            return None
        with torch.no_grad():
            return compute_outputs(self._teacher, inputs)


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
