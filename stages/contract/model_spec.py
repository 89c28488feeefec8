"""Description of a model beside its state dict: factory, inputs, dataset, ties and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import read_json
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["InputSpec", "ModelSpec", "PrunedParameter", "Shape", "read_spec"]


def _parse_shape(value: Any) -> Any:
    """Split a text such as ``3x224x224`` into sizes; return any other value as it is."""
    return [part for part in value.split("x") if part] if isinstance(value, str) else value


Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_parse_shape)]
"""Sizes of dimensions, as a list or as a text such as ``3x224x224``."""


class InputSpec(Config):
    """One input of a model, without its batch dimension."""

    name: str = Field("input", description="Name of the input in the ONNX model.")
    shape: Shape = Field((), description="Shape of one sample, without the batch dimension.")
    dtype: Literal[
        "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"
    ] = Field("float32", description="Dtype of the input, by its torch name.")


class PrunedParameter(Config):
    """A parameter that has a mask, and the methods that made the mask.

    Attributes:
        layer: The name of the module.
        parameter: The name of the parameter in the module.
        methods: The pruning methods, oldest first.
        weight: The name of the weight that the parameter determines, in the finalized model;
            empty if it is the parameter itself.
    """

    layer: str
    parameter: str
    methods: tuple[str, ...] = ()
    weight: str = ""


class ModelSpec(Config):
    """The content of ``model.json``: the facts that a state dict does not hold.

    Attributes:
        model: The name of a built-in model, the user's factory, or a model of a library.
        arguments: Keyword arguments of the factory.
        seed: Seed of the random numbers that the factory draws, the same in every stage.
        inputs: The inputs of the model, in the order of ``forward``.
        dataset: The name of a built-in dataset, or the user's function; empty if there is none.
        dataset_arguments: Keyword arguments of the dataset function.
        tied: Parameters that share the storage of another one, by state-dict name.
        extra_state: The extra state of modules, where it is not a tensor.
        pruned: The parameters that have a mask; empty in a dense or finalized checkpoint.
        before_pruning: SHA-256 of the state dict before the first mask. It is empty if the model
            was never pruned, or was pruned elsewhere and may have been trained since.
        masked: The weights that had masks, by state-dict name, in a finalized checkpoint.
        is_final: Whether the checkpoint is finalized: computed weights, such as those of
            weight_norm, are plain parameters.
        is_dense_known: Whether the weights under the masks are those of the dense model.
    """

    model: CodeName
    arguments: dict[str, Any] = Field({})
    seed: int = 0
    inputs: tuple[InputSpec, ...]
    dataset: CodeName = ""
    dataset_arguments: dict[str, Any] = Field({})
    tied: dict[str, str] = Field({})
    extra_state: dict[str, Any] = Field({})
    pruned: tuple[PrunedParameter, ...] = ()
    before_pruning: str = ""
    masked: tuple[str, ...] = ()
    is_final: bool = False
    is_dense_known: bool = True


def read_spec(folder: Path) -> ModelSpec:
    """Read ``model.json`` in ``folder``.

    Raises:
        RefusedError: If the file does not hold a model's description.
    """
    try:
        return ModelSpec.model_validate(read_json(folder / "model.json"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedError(
            f"{folder / 'model.json'} is not valid at {where}", found=first["msg"]
        ) from None
