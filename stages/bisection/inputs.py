"""Inputs for an ONNX graph about which nothing else is known: the user's, or seeded noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.data.user_samples import user_samples

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.bisection.graph import NodeGraph

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["drawn", "given"]

OPEN_SIZE = 8
"""The size of an open dimension other than the batch, such as a sequence's length."""


def given(source: str, graph: NodeGraph, samples: int) -> Arrays:
    """Return the first ``samples`` of the user's samples, for the inputs of ``graph``.

    Raises:
        UsageError: If there is no such thing.
        RefusedError: If it does not fit the inputs.
    """
    specs = [_spec(one, _shape(one, one, samples)[1:]) for one in graph.inputs]
    return user_samples(source, specs)[0].first(samples).arrays


def drawn(a: NodeGraph, b: NodeGraph, samples: int, seed: int) -> Arrays:
    """Draw seeded noise for the inputs of ``a``, which ``b`` takes too, in that order or by name.

    Integers that look rows up in a table run over all of its rows.

    Raises:
        RefusedError: If an input is no tensor, or of a dtype that noise cannot be drawn for.
    """
    named = {one.name: one for one in b.inputs}
    found: Arrays = {}
    for number, (one, beside) in enumerate(zip(a.inputs, b.inputs, strict=True)):
        spec = _spec(one, _shape(one, named.get(one.name, beside), samples))
        found[one.name] = random_inputs([spec], 1, seed + number, _rows(a, one.name))[one.name][0]
    return found


def _rows(graph: NodeGraph, name: str) -> dict[str, int]:
    """Return how many rows the smallest constant has that the input looks rows up in, if any."""
    tables = [
        graph.constants[node.inputs[0]].dims[0]
        for node in graph.nodes
        if node.op == "Gather" and node.inputs[1] == name and node.inputs[0] in graph.constants
    ]
    return {name: min(tables)} if tables else {}


def _shape(one: Any, other: Any, samples: int) -> tuple[int, ...]:
    """Take each size from whichever of the two models fixes it."""
    dims, rivals = one.type.tensor_type.shape.dim, other.type.tensor_type.shape.dim
    fixed = [
        x.dim_value if x.HasField("dim_value") else y.dim_value
        for x, y in zip(dims, rivals if len(rivals) == len(dims) else dims, strict=True)
    ]
    return tuple(size or (OPEN_SIZE if place else samples) for place, size in enumerate(fixed))


def _spec(one: Any, shape: tuple[int, ...]) -> InputSpec:
    """Describe an input, if it is of a dtype that samples can have."""
    from onnx import helper

    kind = one.type.tensor_type.elem_type
    dtype = helper.tensor_dtype_to_np_dtype(kind).name if kind else "no tensor"
    try:
        return InputSpec.model_validate({"name": one.name, "shape": shape, "dtype": dtype})
    except ValidationError:
        raise RefusedError(
            f"nothing can be given to the input {one.name}",
            expected="a tensor of numbers or booleans",
            found=dtype,
            hint="Bisect the part of the model after it.",
        ) from None
