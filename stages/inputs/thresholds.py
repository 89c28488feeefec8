"""Stress inputs at the thresholds of a graph: values just below, at and just above each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.graphs.nodes import (
    get_attribute,
    inline_functions,
    list_constants,
    walk_graphs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onnx import ModelProto, NodeProto, TensorProto

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.inputs.usual import UsualInputs

__all__ = ["approach_thresholds", "find_thresholds"]

OPERATORS = (
    *("Clip", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
    *("Max", "Min", "Mod", "Where"),
)
"""Operators whose result changes its kind at a constant."""

MOST = 8
"""Most thresholds; a graph with more of them has rules of its own, such as a tree."""

LARGEST = 1e9
"""Largest threshold; beyond it are stand-ins for infinity."""


def find_thresholds(models: Iterable[ModelProto]) -> list[float]:
    """Return the different constants that operators of the graphs compare values with."""
    found: dict[float, None] = {}
    for model in models:
        for graph in walk_graphs(inline_functions(model).graph):
            constants = list_constants(graph)
            for node in graph.node:
                if node.op_type in OPERATORS:
                    found |= dict.fromkeys(_list_values(node, constants))
    return list(found)[:MOST]


def _list_values(node: NodeProto, constants: dict[str, TensorProto]) -> Iterator[float]:
    """Yield the constants among the inputs and attributes of a node."""
    from onnx import numpy_helper

    for name in node.input:
        tensor = constants.get(name)
        if tensor is not None and math.prod(tensor.dims) == 1 and not tensor.data_location:
            value = numpy_helper.to_array(tensor).reshape(-1)[0]
            if value.dtype.kind in "fiu" and 0 < abs(value) <= LARGEST:
                yield float(value)
    for name in ("min", "max"):  # of Clip before opset 11
        value = get_attribute(node, name)
        if value is not None and 0 < abs(value) <= LARGEST:
            yield float(value)


def approach_thresholds(
    usual: UsualInputs, thresholds: Iterable[float]
) -> Iterator[InputBatch | None]:
    """Yield for each threshold all inputs around it, below it and above it."""
    for threshold in thresholds:
        for purpose, steps in (("around", (-1, 0, 1)), ("below", (-1,)), ("above", (1,))):
            arrays = {
                spec.name: _approach(usual, spec, threshold, steps)
                for spec in usual.free
                if spec.dtype != "bool" and not usual.is_mask(spec)
            }
            scale = max(abs(threshold), 1.0)
            yield usual.change(f"values {purpose}", f"{threshold:g}", arrays, scale)


def _approach(
    usual: UsualInputs, spec: InputSpec, threshold: float, steps: tuple[int, ...]
) -> Array:
    """Return values near a threshold, on the sides of it that ``steps`` name."""
    array = usual.arrays[spec.name]
    generator = np.random.default_rng(usual.seed)
    sides = generator.choice(steps, array.shape)
    if spec.dtype.startswith("float"):
        distance = abs(threshold) * generator.uniform(0.001, 0.01, array.shape)
        return usual.clip(spec, threshold + sides * distance)
    return usual.clip(spec, np.round(threshold) + sides)
