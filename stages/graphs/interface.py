"""Inputs of an ONNX model as samples need them: shapes, dtypes, sizes of dynamic axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.graphs.running import run_any_batch
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import find_fixed_batch, open_onnx_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnx import ModelProto, ValueInfoProto

    from prunepack.stages.runtime.sessions import Session

__all__ = ["describe_inputs"]

SIZES = (8, 32, 64, 128, 224, 16, 1)
"""Sizes of dynamic axes other than the batch, in the order in which they are tried."""


def describe_inputs(
    model: ModelProto, path: Path, name: str, given: Sequence[InputSpec]
) -> tuple[InputSpec, ...]:
    """Return the inputs of the model in the file ``path``, which onnxruntime can run.

    Args:
        model: The model.
        path: Its file.
        name: The name of the file that the user gave.
        given: The inputs by the user's recipe, which decide the sizes of dynamic axes.

    Raises:
        RefusedError: If the model does not run on random inputs of any of the tried sizes.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in constants]
    session = open_onnx_session(path, [CPU])
    if given:
        return tuple(given)
    problem = ""
    _remark_fixed_batch(session, name)
    for size in SIZES:
        specs = tuple(_describe_input(value, size) for value in values)
        try:
            run_any_batch(session, random_inputs(specs, 2, 0))
        except RefusedError as error:
            problem = problem or error.found or str(error)
        else:
            return specs
    raise RefusedError(
        f"`{name}` runs on no random inputs",
        expected=", ".join(f"{value.name}{_list_sizes(value)}" for value in values),
        found=problem,
        hint="Name the shapes of the inputs in load.inputs",
    )


def _remark_fixed_batch(session: Session, name: str) -> None:
    size = find_fixed_batch(session)
    if size is not None:
        remark(f"the batch of `{name}` is fixed at {size}; export a dynamic axis for any other")


def _list_sizes(value: ValueInfoProto) -> list[int | str]:
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in dims]


def _describe_input(value: ValueInfoProto, size: int) -> InputSpec:
    """Describe an input whose dtype samples can have.

    Raises:
        RefusedError: If samples cannot have its dtype, or it has no batch axis.
    """
    from onnx import helper

    kind = value.type.tensor_type.elem_type
    dtype = helper.tensor_dtype_to_np_dtype(kind).name if kind else "no tensor"
    sizes = _list_sizes(value)
    shape = [each if isinstance(each, int) else size for each in sizes[1:]]
    try:
        return InputSpec.model_validate({"name": value.name, "shape": shape, "dtype": dtype})
    except ValidationError:
        raise RefusedError(
            f"the input `{value.name}` has a type that no sample can have",
            expected="a tensor of numbers or booleans",
            found=dtype,
            hint="Cut the model behind this input, and give the rest",
        ) from None
