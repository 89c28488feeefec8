"""Load a trained model: a built-in one, or the user's own code and weights."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec, PrunedParameter
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import note
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import CodeName, InputFile, is_user_code
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.checkpoints import (
    build_module,
    load_state,
    put_masks,
    read_safetensors,
    save_checkpoint,
    save_masked,
)
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.models.training import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

__all__ = ["LoadConfig", "load", "read_weights", "train_builtin"]


class LoadConfig(Config):
    """Which model, with which weights."""

    model: CodeName = Field(
        "lenet",
        description="A built-in model, or your factory: module:function or file.py:function.",
    )
    weights: InputFile | None = Field(
        None, description="A state dict: .safetensors, .pth or .pt; also one saved while pruned."
    )
    inputs: tuple[InputSpec, ...] = Field(
        (), description="Your model's inputs, in the order of forward: name=x,shape=3x224x224."
    )
    dataset: CodeName = Field(
        "", description="A built-in dataset, or your function: file.py:function. Judges accuracy."
    )
    seed: int = Field(0, ge=0, description="Seed of fresh weights, where none are given.")

    @field_validator("inputs")
    @classmethod
    def _names_differ(cls, inputs: tuple[InputSpec, ...]) -> tuple[InputSpec, ...]:
        names = [one.name for one in inputs]
        if len(set(names)) < len(names):
            raise ValueError(f"two inputs of the same name: expected different ones, found {names}")
        return inputs


LOADED: tuple[type[Checkpoint | MaskedCheckpoint], ...] = (Checkpoint, MaskedCheckpoint)


@stage(produces=LOADED, tools=("torch", "safetensors"))
def load(config: LoadConfig, out: Path) -> Facts:
    """Write the model as a checkpoint, with its masks if it was saved while pruned."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build_module(config.model)
    spec = _spec(config)
    state, source = _weights(config, model)
    masks = _masks(state, source)
    if masks:
        pruned = tuple(_pruned(name) for name in masks)
        spec = spec.model_copy(update={"pruned": pruned})
        put_masks(model, ((one.layer, one.parameter) for one in pruned), source)
    load_state(model, state, source)
    (save_masked if masks else save_checkpoint)(out, model, spec)
    _check_inputs(model, spec)
    return _facts(config, model, source, len(masks))


def _spec(config: LoadConfig) -> ModelSpec:
    if is_user_code(config.model):
        if not config.inputs:
            raise UsageError(
                f"the inputs of {config.model} are not known",
                expected="load.inputs, one for each argument of forward",
                hint="Add --inputs name=input,shape=3x224x224 or the same in the recipe.",
            )
        return ModelSpec(model=config.model, inputs=config.inputs, dataset=config.dataset)
    built_in = MODELS[config.model]
    inputs = config.inputs or (InputSpec(shape=built_in.shape),)
    dataset = config.dataset or built_in.dataset
    return ModelSpec(model=config.model, inputs=inputs, dataset=dataset)


def _weights(config: LoadConfig, model: nn.Module) -> tuple[dict[str, torch.Tensor], str]:
    """Return the state dict to use and where it came from."""
    if config.weights is not None:
        return read_weights(config.weights), str(config.weights)
    if is_user_code(config.model):
        return model.state_dict(), f"{config.model}()"
    shipped = MODELS[config.model].weights
    if shipped is not None:
        return read_safetensors(shipped), shipped.name
    return train_builtin(
        config.model, config.seed
    ).state_dict(), f"training from seed {config.seed}"


def train_builtin(name: str, seed: int) -> nn.Module:
    """Train the built-in model ``name`` from scratch, as its module says."""
    import torch

    built_in = MODELS[name]
    note(f"training {name} on {built_in.dataset} (once; the result is kept)")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = built_in.build()
    fit(model, open_data(built_in.dataset), built_in.training.model_copy(update={"seed": seed}))
    return model


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from safetensors, or from ``torch.save`` with ``weights_only=True``.

    Wrappings that are common are undone: a dictionary with the state dict under
    ``state_dict``, ``model_state_dict`` or ``model``, and DataParallel's ``module.`` prefix.

    Raises:
        RefusedError: If the file is missing, damaged, or holds anything but a state dict.
    """
    if path.suffix == ".safetensors":
        return _state_dict_in(read_safetensors(path), path)
    if path.suffix not in {".pth", ".pt"}:
        raise RefusedError(
            f"{path} is not a state dict",
            expected="a .safetensors, .pth or .pt file",
            found=path.suffix or "no ending",
        )
    return _state_dict_in(_torch_load(path), path)


def _torch_load(path: Path) -> object:
    import torch

    try:
        value: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- damaged bytes make the unpickler stumble anyhow
        raise _unreadable(path, error) from None
    return value


def _unreadable(path: Path, error: Exception) -> RefusedError:
    code = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and code:
        return RefusedError(
            f"{path} holds more than tensors",
            expected="a state dict",
            found=code[1],
            hint="Save torch.save(model.state_dict(), path), not the model: a pickle can run code.",
        )
    told = isinstance(error, OSError | RuntimeError) and str(error).strip()
    found = told.splitlines()[0].split(". ")[0] if told else "damaged bytes, or another format"
    return RefusedError(f"{path} cannot be read", expected="a file of torch.save", found=found)


def _state_dict_in(value: object, path: Path) -> dict[str, torch.Tensor]:
    import torch

    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict) or not value:
        raise RefusedError(f"{path}", expected="a state dict", found=f"a {type(value).__name__}")
    for name, entry in value.items():
        if not isinstance(name, str) or not isinstance(entry, torch.Tensor):
            found = f"{name!r}: a {type(entry).__name__}"
            raise RefusedError(f"{path}", expected="only tensors, by their names", found=found)
    if all(name.startswith("module.") for name in value):
        return {name.removeprefix("module."): tensor for name, tensor in value.items()}
    return value


def _masks(state: Mapping[str, torch.Tensor], source: str) -> dict[str, torch.Tensor]:
    """Return the masks in ``state`` by the name of the parameter that they prune."""
    masks = {
        name.removesuffix("_mask"): tensor
        for name, tensor in state.items()
        if name.endswith("_mask") and f"{name.removesuffix('_mask')}_orig" in state
    }
    for name, mask in masks.items():
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise RefusedError(f"{source}: {name}_mask", expected="zeros and ones", found="others")
    return masks


def _pruned(name: str) -> PrunedParameter:
    layer, _, parameter = name.rpartition(".")
    return PrunedParameter(layer=layer, parameter=parameter, methods=("loaded",))


def _check_inputs(model: nn.Module, spec: ModelSpec) -> None:
    """Run the model once on random inputs of the declared shapes.

    Raises:
        UsageError: If the model fails on them.
    """
    arrays = random_inputs(spec.inputs, 2, 0)
    try:
        compute_tensors(model.eval(), arrays)
    except RefusedError as error:
        shapes = ", ".join(f"{name} {array.dtype}{array.shape}" for name, array in arrays.items())
        raise UsageError(
            f"{spec.model} cannot be run on the inputs it is said to have",
            expected=f"a forward() that takes {shapes}",
            found=error.found,
            hint="Correct load.inputs: one for each argument, its shape without the batch.",
        ) from error


def _facts(config: LoadConfig, model: nn.Module, source: str, masks: int) -> Facts:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    worn = f", {masks} masks" if masks else ""
    return {
        "summary": f"{config.model}: {parameters:,} parameters from {source}{worn}",
        "parameters": parameters,
        "masks": masks,
    }
