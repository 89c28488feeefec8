"""Epochs of a training: one optimizer and one course of the learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from prunepack.stages.contract.progress import track
from prunepack.stages.training.answers import compute_outputs
from prunepack.stages.training.batches import count_batches, put_on, shuffle_batches
from prunepack.stages.training.losses import Objective
from prunepack.stages.training.precision import compute_in, widen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import AnySplit
    from prunepack.stages.data.samples import Samples
    from prunepack.stages.training.batches import Tensors
    from prunepack.stages.training.config import TrainConfig
    from prunepack.stages.training.ranks import Ranks

__all__ = ["Epochs"]


class Epochs:
    """Passes over the training split, with one optimizer and one course of the learning rate."""

    def __init__(
        self,
        model: nn.Module,
        train: AnySplit,
        config: TrainConfig,
        teacher: nn.Module | None,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        import torch

        self._train, self._config, self._device, self._ranks = train, config, device, ranks
        self._optimizer = _make_optimizer(model, config)
        self._batches = count_batches(train, config)
        factor = _decay(config.schedule, config.epochs * self._batches)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._objective = Objective(config, train.layout.name)
        self._teacher = teacher.to(device).eval() if teacher and config.distill else None
        self._model = ranks.wrap(model)

    def run(self, epoch: int) -> None:
        """Train on every batch once."""
        self._model.train()
        title = f"epoch {epoch} of {self._config.epochs}"
        for samples in track(self._share_batches(), title, self._batches):
            inputs = put_on(self._device, samples, self._config.shift)
            taught = self._ask_teacher(inputs)
            with compute_in(self._config.precision, self._device):
                outputs = widen(compute_outputs(self._model, inputs))
            self._optimizer.zero_grad()
            self._objective.compute(outputs, samples.labels, taught).backward()
            self._optimizer.step()
            self._scheduler.step()

    def _share_batches(self) -> Iterator[Samples]:
        """Yield this process's share of each batch.

        A last batch is left out if a share has one sample: a BatchNorm needs two.
        """
        usual = 0
        for batch in shuffle_batches(self._train, self._config):
            usual = usual or len(batch)
            if len(batch) == usual or len(batch) > self._ranks.count:
                yield self._ranks.share(batch)

    def _ask_teacher(self, inputs: Tensors) -> Tensors | None:
        import torch

        if self._teacher is None:
            return None
        with torch.no_grad():
            return compute_outputs(self._teacher, inputs)

    def collect_state(self) -> dict[str, Any]:
        """Return the state of the optimizer, the learning rate and torch's random numbers."""
        import torch

        return {
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "random": torch.get_rng_state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        import torch

        self._optimizer.load_state_dict(state["optimizer"])
        self._scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["random"].cpu())


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
