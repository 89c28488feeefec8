"""Load stage: a trained model, built in or from the user's own code and weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.model_spec import (
    InputSpec,
    MaskSource,
    ModelSpec,
    PrunedParameter,
    read_spec,
    write_spec,
)
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import (
    CodeName,
    InputFile,
    is_library_model,
    is_user_code,
)
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.builtin_weights import read_built_in
from prunepack.stages.models.checkpoints import (
    build_prepared,
    load_state,
    put_masks,
    save_checkpoint,
    save_masked,
)
from prunepack.stages.models.examination import examine_model
from prunepack.stages.sources.builds import check_builds
from prunepack.stages.sources.found_masks import (
    FROM_FILE,
    has_weights_under_masks,
    mask_zeros,
    split_masks,
)
from prunepack.stages.sources.libraries import (
    find_folder_weights,
    is_model_folder,
    read_model_folder,
)
from prunepack.stages.sources.state_files import read_state
from prunepack.stages.sources.state_fit import complete_state
from prunepack.stages.sources.state_keys import fit_names

if TYPE_CHECKING:
    from torch import nn

    from prunepack.stages.sources.preparation import Prepared
    from prunepack.stages.sources.state_keys import State

__all__ = ["LoadConfig", "load"]


class LoadConfig(Config):
    """The model and its weights."""

    model: CodeName = Field(
        "lenet",
        description="Model to load: a built-in name; module:NAME or file.py:NAME of your factory "
        "or nn.Module class; transformers:ConfigClass, timm:NAME or torchvision:NAME; a folder "
        "with config.json; or an .onnx, .prunepack or .pt2 file.",
    )
    arguments: dict[str, Any] = Field(
        {}, description="Keyword arguments of your factory, or of the config class."
    )
    weights: InputFile | None = Field(
        None,
        description="State dict to load: a .safetensors or .npz file, a file written by "
        "torch.save, or the index file of a sharded checkpoint. It may contain masks.",
    )
    masks: MaskSource = Field(
        "auto",
        description="keep: keep the masks in the weights file; auto: also mask the zeros of every "
        "weight tensor in which at least 30 % of the elements are zero; from_zeros: also mask "
        "every zero; none: remove all masks.",
    )
    dense: InputFile | None = Field(
        None,
        description="Weights of the dense model for the comparisons of `run`. Default: the loaded "
        "model without its masks, if the weights file still has the values of pruned weights.",
    )
    inputs: tuple[InputSpec, ...] = Field(
        (),
        description="Inputs of your model, named like the arguments of forward: "
        "name=x,shape=3x224x224.",
    )
    dataset: CodeName = Field(
        "",
        description="Dataset on which accuracy is measured: a built-in name, or file.py:function.",
    )
    dataset_arguments: dict[str, Any] = Field(
        {}, description="Keyword arguments of your dataset function."
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed for the random numbers that the factory draws; the same in every stage.",
    )
    hash_data: bool = Field(
        False,
        description="Compare large data (256 MB, 1,000 files) by content, not by size and time.",
    )

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
    """Write the model as a checkpoint, with masks if it was pruned before."""
    spec, weights = _describe_source(config)
    prepared = build_prepared(spec)
    check_builds(prepared.module, config.model, lambda: build_prepared(spec).module)
    state, origin = _choose_weights(config, weights, prepared)
    model = prepared.module
    for text in prepared.notes:
        remark(text)
    pruned, known = _fill(model, state, config, origin)
    spec = spec.model_copy(update={"pruned": pruned, "is_dense_known": known and not config.dense})
    (save_masked if pruned else save_checkpoint)(out, model, spec)
    _tell_reference(config, spec)
    inputs = examine_model(model.eval(), spec.inputs, config.model, converted=prepared.is_converted)
    saved = read_spec(out)
    for name, owner in saved.tied.items():
        remark(f"`{name}` is tied to `{owner}`: both are pruned and stored once")
    write_spec(out, saved.model_copy(update={"inputs": inputs}))
    return _facts(config, model, origin, len(pruned))


def _fill(
    model: nn.Module, state: State, config: LoadConfig, origin: str
) -> tuple[tuple[PrunedParameter, ...], bool]:
    """Load ``state`` into ``model``, with the masks that the config asks for.

    Returns:
        The masked parameters, and whether the weights under the masks are those of a dense model.
    """
    found = split_masks(fit_names(state, model.state_dict(), origin), config.masks, origin)
    put_masks(model, found.places, origin)
    load_state(model, complete_state(found.state, model, origin), origin)
    from_file = tuple(
        PrunedParameter(layer=layer, parameter=name, methods=(FROM_FILE,))
        for layer, name in found.places
    )
    from_zeros = mask_zeros(model, config.masks)
    is_dense_known = not from_zeros and has_weights_under_masks(found.state, found.masked)
    return (*from_file, *from_zeros), is_dense_known or not (from_file or from_zeros)


def _describe_source(config: LoadConfig) -> tuple[ModelSpec, Path | None]:
    """Return the model specification and the file of weights, if one is named or in a folder."""
    model, arguments, weights = config.model, config.arguments, config.weights
    if not is_user_code(model) and model not in MODELS and is_model_folder(model):
        model, content = read_model_folder(config.model)
        arguments = {**content, **arguments}
        weights = weights or find_folder_weights(config.model)
    inputs, dataset = config.inputs, config.dataset
    if not is_user_code(model) and not is_library_model(model):
        built_in = MODELS[model]
        inputs = inputs or built_in.input_specs
        dataset = dataset or built_in.dataset
    if not inputs:
        raise UsageError(
            f"the inputs of {config.model} are unknown",
            expected="load.inputs, one per argument of forward",
            hint="Add --inputs name=input,shape=3x224x224, or load.inputs in the recipe",
        )
    spec = ModelSpec(
        model=model,
        arguments=arguments,
        seed=config.seed,
        inputs=inputs,
        dataset=dataset,
        dataset_arguments=config.dataset_arguments,
    )
    return spec, weights


def _choose_weights(
    config: LoadConfig, weights: Path | None, prepared: Prepared
) -> tuple[State, str]:
    """Return the state dict to use and its origin."""
    if weights is not None:
        state, origin = read_state(weights), str(weights)
    elif is_user_code(config.model) or is_library_model(config.model):
        state, origin = prepared.state, f"{config.model}()"
    else:
        state, origin = read_built_in(config.model, config.seed, prepared.state)
    _check_values(config.model, prepared, is_from_file=weights is not None)
    return state, origin


def _check_values(model: str, prepared: Prepared, *, is_from_file: bool) -> None:
    """Refuse tensors on the meta device that nothing gives values to.

    Raises:
        RefusedError: If there are any.
    """
    saved = prepared.state if is_from_file else {}
    left = [name for name in prepared.without_values if name not in saved]
    if left:
        raise RefusedError(
            f"parameters of `{model}()` are on the meta device: they have no values",
            expected="values from the factory, or load.weights",
            found=list_names(left),
            hint="Build these buffers outside of the meta device"
            if is_from_file
            else "Name a checkpoint in load.weights",
        )


def _tell_reference(config: LoadConfig, spec: ModelSpec) -> None:
    """Tell which model the pruned one is compared with."""
    if not spec.pruned or config.dense:
        return
    if spec.is_dense_known:
        remark("the dense model is the one without its masks")
    else:
        remark(
            "no dense reference: the weights before pruning are not in the file; name them in "
            "load.dense to compare with them"
        )


def _facts(config: LoadConfig, model: nn.Module, source: str, masks: int) -> Facts:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    suffix = f", {masks} mask{'s' if masks > 1 else ''}" if masks else ""
    return {
        "summary": f"{config.model}: {parameters:,} parameters from {source}{suffix}",
        "parameters": parameters,
        "masks": masks,
    }
