"""Stress inputs: zeros, large values, and other sizes of dynamic axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.comparison.inputs import InputBatch
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.runtime.sessions import Session

__all__ = [
    "SCALES",
    "DynamicAxis",
    "StressTest",
    "divide_by_units",
    "find_dynamic_axes",
    "find_units",
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
    """Return the dynamic axes of ``session`` except the first of each input, the batch axis."""
    shapes = {node.name: node.shape for node in session.get_inputs()}
    positions: dict[str, list[tuple[str, int]]] = {}
    sizes: dict[str, int] = {}
    for spec in inputs:
        for axis, size in enumerate(spec.shape, 1):
            symbol = dict(enumerate(shapes.get(spec.name, ()))).get(axis, size)
            if not isinstance(symbol, int):
                name = symbol or f"{spec.name}[{axis}]"
                positions.setdefault(name, []).append((spec.name, axis))
                sizes[name] = size
    return [DynamicAxis(name, tuple(where), sizes[name]) for name, where in positions.items()]


def stress_tests(
    inputs: Sequence[InputSpec], axes: Sequence[DynamicAxis], seed: int, sizes: Mapping[str, int]
) -> Iterator[StressTest]:
    """Yield zeros, large values, and each dynamic axis at another size, two samples each."""
    usual = random_inputs(inputs, 2, seed, sizes)
    zeros = {name: np.zeros_like(array) for name, array in usual.items()}
    yield StressTest("zeros", (InputBatch("zeros", zeros, 2),))
    large = (_scale_values(inputs, usual, scale, sizes) for scale in SCALES)
    yield StressTest("large values", tuple(large))
    for axis in axes:
        near = {axis.size // 2, axis.size - 1, axis.size + 1, 2 * axis.size}
        others = sorted(near - {axis.size, 0, -1}, key=lambda size: (size > axis.size, size))
        resized = (_resize_axis(inputs, axis, size, seed, sizes) for size in others)
        yield StressTest(axis.name, tuple(resized), axis=True)


def _scale_values(
    inputs: Sequence[InputSpec], usual: Arrays, scale: float, sizes: Mapping[str, int]
) -> InputBatch:
    """Multiply floats by ``scale``; integers become the highest valid index, booleans true."""
    arrays = {}
    for spec in inputs:
        array = usual[spec.name]
        if array.dtype.kind == "f":
            arrays[spec.name] = array * array.dtype.type(scale)
        else:
            arrays[spec.name] = np.full_like(array, _highest_index(spec, sizes))
    if not any(array.dtype.kind == "f" for array in arrays.values()):
        return InputBatch("highest integers", arrays, 2)
    return InputBatch(f"large values, × {scale:g}", arrays, 2, scale=scale)


def _highest_index(spec: InputSpec, sizes: Mapping[str, int]) -> int:
    highest = 1 if spec.dtype == "bool" else int(np.iinfo(spec.dtype).max)
    return min(sizes.get(spec.name, 2) - 1, highest)


def _resize_axis(
    inputs: Sequence[InputSpec], axis: DynamicAxis, size: int, seed: int, sizes: Mapping[str, int]
) -> InputBatch:
    """Return random samples with ``axis`` at another size."""
    positions = set(axis.positions)
    resized = []
    for spec in inputs:
        shape = tuple(
            size if (spec.name, at) in positions else old for at, old in enumerate(spec.shape, 1)
        )
        resized.append(spec.model_copy(update={"shape": shape}))
    return InputBatch(f"{axis.name} of {size}", random_inputs(resized, 2, seed, sizes), 2)


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


def find_units(outputs: ArrayMapping, scale: float) -> dict[str, float]:
    """Return the divisor of each output for inputs that are ``scale`` times as large as usual.

    Rounding errors grow with the terms of a sum, and the terms with the inputs, but an absolute
    tolerance applies to values of ordinary size. A unit is a power of two, so a division by it is
    exact: ``scale``, or more if the output's largest value needs more.
    """
    if scale == 1:
        return {}
    return {
        name: max(scale, 2.0 ** np.ceil(np.log2(np.abs(array).max())))
        for name, array in outputs.items()
        if array.dtype.kind == "f" and array.any()
    }


def divide_by_units(outputs: ArrayMapping, units: Mapping[str, float]) -> Arrays:
    """Divide each floating-point output that has a unit by its unit."""
    return {
        name: array / array.dtype.type(units[name]) if name in units else array
        for name, array in outputs.items()
    }


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
