"""Description of a model beside its state dict: factory, inputs, dataset, ties and masks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError, model_validator

from prunepack.errors import RefusedError
from prunepack.io.json_files import read_json
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, InputFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = TypeVar("T")

__all__ = [
    "LEAST_ZEROS",
    "InputSpec",
    "MaskSource",
    "ModelSpec",
    "PrunedParameter",
    "Shape",
    "read_spec",
    "write_spec",
]


DEFAULT_SIZE = 8
"""Size of a dynamic axis in samples, unless another one is given or found."""

MaskSource = Literal["auto", "from_zeros", "keep", "none"]

LEAST_ZEROS = 0.3
"""Fraction of exact zeros in a weight from which on ``auto`` takes them for a mask."""


def _parse_shape(value: Any) -> Any:
    """Split a text such as ``3x224x224`` into sizes; return any other value as it is."""
    return [part for part in value.split("x") if part] if isinstance(value, str) else value


def _parse_dimensions(value: Any) -> Any:
    """Split a text such as ``3x224x224``, ``tokensx8`` or ``3xheight/width``."""
    if not isinstance(value, str):
        return value
    parts = re.split(r"/|(?<=\d)x|x(?=\d)", value)
    return [int(part) if part.isdigit() else part for part in parts if part]


def _parse_range(value: Any) -> Any:
    """Split a text such as ``0..255``; return any other value as it is."""
    return value.split("..") if isinstance(value, str) else value


def _check_dimension(value: Any) -> Any:
    """Refuse anything but a size, or a name that ONNX can have."""
    if isinstance(value, str):
        if value.isidentifier():
            return value
        raise ValueError(f"an axis is a size or a name: expected letters, found {value!r}")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"Input should be a size or the name of an axis, found {value!r}")
    if value < 0:
        raise ValueError("Input should be greater than or equal to 0, or the name of an axis")
    return value


Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_parse_shape)]
"""Sizes of dimensions, as a list or as a text such as ``3x224x224``."""

Dimension = Annotated[int | str, PlainValidator(_check_dimension, json_schema_input_type=int | str)]
"""The size of an axis, or the name of a dynamic axis."""

Dimensions = Annotated[tuple[Dimension, ...], BeforeValidator(_parse_dimensions)]
"""Sizes and names of axes, as a list or as a text such as ``3xheight/width``."""

DType = Literal[
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
]


class InputSpec(Config):
    """One input of a model."""

    name: str = Field(
        "input", description="Argument of forward(), and name of the input in the ONNX model."
    )
    shape: Dimensions = Field(
        (),
        description="Shape of one sample, without the batch axis: 3x224x224, or names of dynamic "
        "axes, 3xheight/width. Axes with the same name have the same size in all inputs.",
    )
    dtype: DType = Field("float32", description="Dtype of the input, by its torch name.")
    range: Annotated[tuple[float, float] | None, BeforeValidator(_parse_range)] = Field(
        None,
        description="Lowest and highest value of random inputs, as 0..255. Default: floats are "
        "normal, indices are drawn from all rows of their table, and other integers are 0 or 1.",
    )
    batch_axis: Annotated[int, Field(ge=0)] | Literal["none"] = Field(
        0, description="Position of the batch axis, or none if the input has no batch axis."
    )
    file: InputFile | None = Field(
        None, description="Samples in an .npy file, used instead of random inputs."
    )
    example: Shape = Field(
        (),
        description="The shape with a size for each dynamic axis, for random inputs and timing. "
        "Default: the first sizes that the model accepts.",
    )

    @model_validator(mode="after")
    def _check(self) -> InputSpec:
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"an empty range: expected low ≤ high, found {list(self.range)}")
        if self.batch_axis != "none" and self.batch_axis > len(self.shape):
            raise ValueError(
                f"no axis {self.batch_axis}: expected a batch axis from 0 to {len(self.shape)}"
            )
        if self.example and not self._fits(self.example):
            raise ValueError(
                f"the example is not of the shape: expected {list(self.shape)}, "
                f"found {list(self.example)}"
            )
        return self

    def _fits(self, sizes: tuple[int, ...]) -> bool:
        pairs = zip(self.shape, sizes, strict=False)
        return len(sizes) == len(self.shape) and all(
            isinstance(axis, str) or axis == size for axis, size in pairs
        )

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the dynamic axes."""
        return tuple(axis for axis in self.shape if isinstance(axis, str))

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample, with a size for each dynamic axis."""
        if self.example:
            return self.example
        return tuple(DEFAULT_SIZE if isinstance(axis, str) else axis for axis in self.shape)

    @property
    def dimensions(self) -> tuple[int | str, ...]:
        """The shape of the input with its batch axis, which is called ``batch``."""
        return self._insert_batch(self.shape, "batch")

    def batch_shape(self, count: int) -> tuple[int, ...]:
        """Return the shape of ``count`` samples."""
        return self._insert_batch(self.sample_shape, count)

    def _insert_batch(self, shape: tuple[T, ...], batch: T) -> tuple[T, ...]:
        if self.batch_axis == "none":
            return shape
        return (*shape[: self.batch_axis], batch, *shape[self.batch_axis :])

    def resize(self, sizes: Mapping[str, int]) -> InputSpec:
        """Return the input with other sizes of dynamic axes in its samples."""
        pairs = zip(self.shape, self.sample_shape, strict=True)
        example = tuple(sizes.get(str(axis), size) for axis, size in pairs)
        return self.model_copy(update={"example": example if self.axes else ()})


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
            f"`{folder / 'model.json'}` is not valid at {where}", found=first["msg"]
        ) from None


def write_spec(folder: Path, spec: ModelSpec) -> None:
    """Write ``model.json`` in ``folder``."""
    (folder / "model.json").write_text(spec.model_dump_json(indent=1) + "\n", encoding="utf-8")
