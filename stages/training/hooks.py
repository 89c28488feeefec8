"""Hooks: the user's own training in place of ours."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import PrunepackError, UsageError
from prunepack.stages.contract.progress import note
from prunepack.stages.contract.user_code import load_user_code
from prunepack.stages.contract.user_effects import contain_effects
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.training.batches import Loader
from prunepack.stages.training.config import choose_device

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import Data
    from prunepack.stages.training.config import TrainConfig
    from prunepack.stages.training.ranks import Ranks

__all__ = ["HookContext", "run_hook"]


@dataclass(frozen=True, slots=True)
class HookContext:
    """Everything that a hook needs to train a pruned model.

    Attributes:
        model: The live module with its masks; the hook trains it in place.
        masks: The mask of each pruned parameter by its name; 1 for remaining weights.
        train: Batches ``(inputs, labels)`` of the training split, in a new random order in every
            pass; None without one. Each process of several gets its share of every batch.
        validation: Batches of the validation split, in order; None without one.
        data: The splits themselves; None without a dataset.
        device: The device of the batches; the model is on it.
        seed: The seed of all randomness; it is set before the hook runs.
        epochs: The number of epochs that the recipe asks for.
        folder: A folder for checkpoints. It survives a kill, and the next run of the same stage
            finds its content; it is deleted when the stage is done.
        rank: The number of this process, from 0.
        ranks: The number of processes.
    """

    model: nn.Module
    masks: Mapping[str, torch.Tensor]
    train: Loader | None
    validation: Loader | None
    data: Data | None
    device: torch.device
    seed: int
    epochs: int
    folder: Path
    rank: int = 0
    ranks: int = 1

    def log(self, text: str) -> None:
        """Show one line of progress."""
        if self.rank == 0:
            note(text)


def run_hook(
    hook: str,
    arguments: Mapping[str, Any],
    model: nn.Module,
    data: Data | None,
    config: TrainConfig,
    folder: Path,
    ranks: Ranks,
) -> None:
    """Call the user's function on the live masked module.

    A function whose first parameter is named ``context`` is given a :class:`HookContext`, any
    other one ``(model, data)``.

    Raises:
        UsageError: If it raises, or returns a value other than None or the same module.
    """
    function = load_user_code(hook)
    given: tuple[object, ...] = (model, data)
    if _takes_context(function):
        given = (_make_context(model, data, config, folder, ranks),)
    try:
        with contain_effects():
            _set_seeds(config.seed)
            returned = function(*given, **arguments)
    except PrunepackError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the hook `{hook}` failed",
            found=f"{type(error).__name__}: {error}",
            hint="Correct the hook; -v shows the line",
        ) from error
    if returned is not None and returned is not model:
        raise UsageError(
            f"the hook `{hook}` returned a {type(returned).__name__}",
            expected="None, or the module it was given",
            hint="Train the module in place, so that its masks stay",
        )
    model.to("cpu").eval()


def _set_seeds(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _takes_context(function: Any) -> bool:
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
    return names[:1] == ["context"]


def _make_context(
    model: nn.Module,
    data: Data | None,
    config: TrainConfig,
    folder: Path,
    ranks: Ranks,
) -> HookContext:
    device = choose_device(config.device)
    model.to(device)
    train, validation = (data.train, data.validation) if data else (None, None)
    return HookContext(
        model=model,
        masks={place.name: place.mask for place in pruned_parameters(model)},
        train=Loader(train, config, device, ranks) if train else None,
        validation=Loader(validation, config, device, shuffle=False) if validation else None,
        data=data,
        device=device,
        seed=config.seed,
        epochs=config.epochs,
        folder=folder,
        rank=ranks.rank,
        ranks=ranks.count,
    )
