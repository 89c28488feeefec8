"""Inputs of an ONNX graph: the user's samples, or seeded random inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.data.user_samples import read_samples

if TYPE_CHECKING:
    from onnx import ValueInfoProto

    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.graph_diff.graph import NodeGraph


__all__ = ["draw_inputs", "load_inputs"]

DYNAMIC_SIZE = 8
"""Size of a dynamic axis other than the batch, such as a sequence's length."""


def load_inputs(source: str, graph: NodeGraph, samples: int) -> Arrays:
    """Return the first ``samples`` of the user's samples, for the inputs of ``graph``.

    Raises:
        UsageError: If ``source`` does not exist.
        RefusedError: If its samples do not fit the inputs.
    """
    specs = [_make_spec(value, _choose_shape(value, value, samples)[1:]) for value in graph.inputs]
    return read_samples(source, specs)[0].first(samples).arrays


def draw_inputs(a: NodeGraph, b: NodeGraph, samples: int, seed: int) -> Arrays:
    """Draw seeded random inputs of ``a``; ``b`` has the same inputs, by name or by position.

    Integers that index the rows of a table cover all of its rows.

    Raises:
        RefusedError: If an input is not a tensor, or no values can be drawn for its dtype.
    """
    in_b = {value.name: value for value in b.inputs}
    arrays: Arrays = {}
    for number, (value, beside) in enumerate(zip(a.inputs, b.inputs, strict=True)):
        name = value.name
        spec = _make_spec(value, _choose_shape(value, in_b.get(name, beside), samples))
        arrays[name] = random_inputs([spec], 1, seed + number, _count_rows(a, name))[name][0]
    return arrays


def _count_rows(graph: NodeGraph, name: str) -> dict[str, int]:
    """Return the rows of the smallest table that the input indexes; empty without a table."""
    from onnx import AttributeProto

    tables = [
        graph.constants[node.inputs[0]]
        for node in graph.nodes
        if node.op == "Gather" and node.inputs[1] == name and node.inputs[0] in graph.constants
    ]
    rows = [table.dims[0] for table in tables if not isinstance(table, AttributeProto)]
    return {name: min(rows)} if rows else {}


def _choose_shape(value: ValueInfoProto, other: ValueInfoProto, samples: int) -> tuple[int, ...]:
    """Return the shape of an input, with each size from the model that fixes it."""
    dims, rivals = value.type.tensor_type.shape.dim, other.type.tensor_type.shape.dim
    fixed = [
        x.dim_value if x.HasField("dim_value") else y.dim_value
        for x, y in zip(dims, rivals if len(rivals) == len(dims) else dims, strict=True)
    ]
    return tuple(size or (DYNAMIC_SIZE if axis else samples) for axis, size in enumerate(fixed))


def _make_spec(value: ValueInfoProto, shape: tuple[int, ...]) -> InputSpec:
    """Describe an input whose dtype samples can have.

    Raises:
        RefusedError: If samples cannot have its dtype.
    """
    from onnx import helper

    kind = value.type.tensor_type.elem_type
    dtype = helper.tensor_dtype_to_np_dtype(kind).name if kind else "no tensor"
    try:
        return InputSpec.model_validate({"name": value.name, "shape": shape, "dtype": dtype})
    except ValidationError:
        raise RefusedError(
            f"the input `{value.name}` has a type that no sample can have",
            expected="a tensor of numbers or booleans",
            found=dtype,
            hint="Bisect the part of the model after this input",
        ) from None
