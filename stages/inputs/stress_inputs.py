"""Stress inputs: zeros, large values, and other sizes of dynamic axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.data.input_values import find_bounds, is_batched, is_mask
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.runtime.sessions import Session

__all__ = [
    "SCALES",
    "DynamicAxis",
    "StressTest",
    "find_dynamic_axes",
    "find_usable_batch",
    "stress_metrics",
    "stress_tests",
]

SCALES = (1024.0, 128.0, 16.0)
"""Factors of the large values; powers of two, so that a division by them is exact."""


@dataclass(frozen=True, slots=True)
class StressTest:
    """Alternative batches for one purpose; the first one that torch can run is compared.

    Attributes:
        name: The purpose.
        batches: The alternatives, the most demanding one first.
        axis: Whether the purpose is another size of a dynamic axis.
    """

    name: str
    batches: tuple[InputBatch, ...]
    axis: bool = False


@dataclass(frozen=True, slots=True)
class DynamicAxis:
    """A dynamic axis of the ONNX model's inputs, other than the batch axis.

    Attributes:
        name: Its symbol.
        positions: The pairs (input, axis) with this size.
        size: The size during export.
    """

    name: str
    positions: tuple[tuple[str, int], ...]
    size: int


def find_dynamic_axes(session: Session, inputs: Sequence[InputSpec]) -> list[DynamicAxis]:
    """Return the dynamic axes of ``session`` except the batch axis of each input."""
    shapes = {node.name: node.shape for node in session.get_inputs()}
    positions: dict[str, list[tuple[str, int]]] = {}
    sizes: dict[str, int] = {}
    for spec in inputs:
        for axis, size in _list_axes(spec):
            symbol = dict(enumerate(shapes.get(spec.name, ()))).get(axis, size)
            if not isinstance(symbol, int):
                name = symbol or f"{spec.name}[{axis}]"
                positions.setdefault(name, []).append((spec.name, axis))
                sizes[name] = size
    return [DynamicAxis(name, tuple(where), sizes[name]) for name, where in positions.items()]


def _list_axes(spec: InputSpec) -> Iterator[tuple[int, int]]:
    """Yield the position and the size of each axis of an input, except the batch axis."""
    pairs = enumerate(spec.batch_shape(0))
    yield from ((axis, size) for axis, size in pairs if axis != spec.batch_axis)


def stress_tests(
    inputs: Sequence[InputSpec], axes: Sequence[DynamicAxis], seed: int, sizes: Mapping[str, int]
) -> Iterator[StressTest]:
    """Yield zeros, large values, and each dynamic axis at another size, two samples each.

    Values stay in the range of their input, a mask is never all zero, and samples of a file are
    taken as they are.
    """
    usual = random_inputs(inputs, count := 2 if is_batched(inputs) else 1, seed, sizes)
    zeros = {spec.name: _zero_values(spec, usual[spec.name], sizes) for spec in inputs}
    if _differ(zeros, usual):
        yield StressTest("zeros", (InputBatch("zeros", zeros, count),))
    large = (_scale_values(inputs, usual, scale, sizes) for scale in SCALES)
    if batches := tuple(batch for batch in large if _differ(batch.arrays, usual)):
        yield StressTest("large values", batches)
    for axis in axes:
        if any(spec.file for spec in inputs if spec.name in dict(axis.positions)):
            continue
        resized = (_resize_axis(inputs, axis, size, seed, sizes) for size in _list_sizes(axis))
        yield StressTest(axis.name, tuple(resized), axis=True)


def _differ(arrays: Arrays, others: Arrays) -> bool:
    return any(not np.array_equal(array, others[name]) for name, array in arrays.items())


def _zero_values(spec: InputSpec, usual: Array, sizes: Mapping[str, int]) -> Array:
    """Return zeros, or the usual values of an input that is never all zero."""
    rows = sizes.get(spec.name)
    low, high = find_bounds(spec, rows)
    can_be_zero = low <= 0 <= high and spec.file is None and not is_mask(spec, rows)
    return np.zeros_like(usual) if can_be_zero else usual


def _scale_values(
    inputs: Sequence[InputSpec], usual: Arrays, scale: float, sizes: Mapping[str, int]
) -> InputBatch:
    """Multiply floats by ``scale``, within their range; other values become the highest ones."""
    arrays = {}
    for spec in inputs:
        array = usual[spec.name]
        low, high = find_bounds(spec, sizes.get(spec.name))
        if spec.file is not None:
            arrays[spec.name] = array
        elif array.dtype.kind == "f":
            scaled = np.asarray(
                array * array.dtype.type(scale)
            )  # a scalar of an array without axes
            arrays[spec.name] = np.asarray(scaled.clip(low, high))
        else:
            arrays[spec.name] = np.full_like(array, high)
    count = 2 if is_batched(inputs) else 1
    floats = [spec for spec in inputs if spec.dtype.startswith("float") and spec.file is None]
    if not floats:
        return InputBatch("highest integers", arrays, count)
    if all(spec.range is not None for spec in floats):
        return InputBatch("highest values", arrays, count)
    return InputBatch(f"large values, × {scale:g}", arrays, count, scale=scale)


def _resize_axis(
    inputs: Sequence[InputSpec], axis: DynamicAxis, size: int, seed: int, sizes: Mapping[str, int]
) -> InputBatch:
    """Return random samples with ``axis`` at another size."""
    positions = set(axis.positions)
    resized = []
    for spec in inputs:
        shape = tuple(size if (spec.name, at) in positions else old for at, old in _list_axes(spec))
        resized.append(spec.model_copy(update={"example": shape}))
    count = 2 if is_batched(inputs) else 1
    return InputBatch(f"{axis.name} of {size}", random_inputs(resized, count, seed, sizes), count)


def find_usable_batch(
    test: StressTest, run_torch: Callable[[Arrays], Arrays]
) -> tuple[InputBatch, Arrays] | None:
    """Return the first batch with finite outputs of torch, and these outputs; None without one.

    Inputs that torch refuses, or answers with NaN or infinity, say nothing about ONNX.
    """
    for batch in test.batches:
        try:
            outputs = run_torch(batch.arrays)
        except RefusedError:
            continue
        if all(np.isfinite(array).all() for array in outputs.values() if array.dtype.kind == "f"):
            return batch, outputs
    return None


def stress_metrics(
    samples: int,
    axes: Sequence[DynamicAxis],
    results: Sequence[tuple[StressTest, InputBatch | None]],
) -> Metrics:
    """Return the metrics of random and stress inputs.

    Args:
        samples: The number of random samples.
        axes: All dynamic axes.
        results: Each stress test with its compared batch, or None if torch could run none.
    """
    compared = [batch.name for _, batch in results if batch is not None]
    skipped = [test for test, batch in results if batch is None]
    untested = [test.name for test in skipped if test.axis]
    note = f"also {', '.join(compared) or 'nothing'}"
    if skipped:
        note += f"; not {', '.join(test.name for test in skipped)}, which torch cannot take"
    names = ", ".join(axis.name for axis in axes)
    return {
        "parity.inputs.random_samples": Metric(samples, "samples", note=note),
        "parity.inputs.dynamic_axes": Metric(len(axes), "axes", note=names),
        "parity.inputs.untested_axes": Metric(len(untested), "axes", note=", ".join(untested)),
    }


def _list_sizes(axis: DynamicAxis) -> list[int]:
    """Return other sizes of an axis, the smaller ones first."""
    near = {axis.size // 2, axis.size - 1, axis.size + 1, 2 * axis.size}
    return sorted(near - {axis.size, 0, -1}, key=lambda size: (size > axis.size, size))
