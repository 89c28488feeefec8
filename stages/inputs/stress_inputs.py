"""Stress inputs: values, sizes and batches that random inputs do not have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.data.input_values import is_batched, take_samples
from prunepack.stages.inputs.axes import resize_axes
from prunepack.stages.inputs.batch_sizes import resize_batches
from prunepack.stages.inputs.integers import widen_integers
from prunepack.stages.inputs.magnitudes import scale_values, set_missing_values, set_zeros
from prunepack.stages.inputs.thresholds import approach_thresholds
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.inputs.axes import DynamicAxis
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.inputs.usual import UsualInputs

__all__ = ["StressLimits", "find_usable_batch", "stress_batches", "stress_metrics"]


@dataclass(frozen=True, slots=True)
class StressLimits:
    """Facts about a model and its use that choose stress inputs.

    Attributes:
        axes: The dynamic axes.
        thresholds: The constants that the graph compares values with.
        most: The most samples of one run.
        timed: The batch sizes that ``measure`` times.
        sizing: The integer inputs whose values decide the sizes of tensors.
    """

    axes: Sequence[DynamicAxis] = ()
    thresholds: Sequence[float] = ()
    most: int = 1
    timed: Sequence[int] = ()
    sizing: Collection[str] = ()


def stress_batches(usual: UsualInputs, limits: StressLimits) -> Iterator[InputBatch]:
    """Yield all stress inputs, one batch per purpose."""
    batches = chain(
        set_zeros(usual),
        scale_values(usual),
        set_missing_values(usual),
        widen_integers(usual, limits.sizing),
        approach_thresholds(usual, limits.thresholds),
        resize_axes(usual, limits.axes),
        resize_batches(usual, limits.most, limits.timed),
    )
    yield from (batch for batch in batches if batch is not None)


def find_usable_batch(
    batch: InputBatch, inputs: Sequence[InputSpec], run_torch: Callable[[Arrays], Arrays]
) -> tuple[InputBatch, Arrays] | None:
    """Return the samples for which torch has usable outputs, and these outputs; None without one.

    Inputs that torch refuses, or answers with NaN, say nothing about ONNX; nor do those that are
    too large, so that the answer is infinite.
    """
    try:
        outputs = run_torch(batch.arrays)
    except RefusedError:
        return None
    usable = _find_usable_samples(batch, outputs)
    if usable.all():
        return batch, outputs
    if not usable.any() or not is_batched(inputs):
        return None
    arrays = take_samples(inputs, batch.arrays, np.flatnonzero(usable))
    if _has_nan(batch.arrays) and not _has_nan(arrays):  # the rest are usual inputs
        return None
    rest = replace(batch, arrays=arrays, count=int(usable.sum()))
    return find_usable_batch(rest, inputs, run_torch)


def _find_usable_samples(batch: InputBatch, outputs: ArrayMapping) -> Array:
    """Return for each sample whether all of its outputs are usable."""
    floats = [array for array in outputs.values() if array.dtype.kind == "f"]
    usable = np.ones(batch.count, bool)
    if not floats and _has_nan(batch.arrays):  # a choice among NaN is arbitrary
        usable[:] = False
    for array in floats:
        good = ~np.isnan(array) if batch.scale == 1 else np.isfinite(array)
        if array.shape[:1] == (batch.count,):
            usable &= good.reshape(batch.count, -1).all(1)
        elif not good.all():
            usable[:] = False
    return usable


def _has_nan(arrays: ArrayMapping) -> bool:
    return any(np.isnan(array).any() for array in arrays.values() if array.dtype.kind == "f")


def stress_metrics(
    samples: int,
    axes: Sequence[DynamicAxis],
    results: Sequence[tuple[InputBatch, bool]],
) -> Metrics:
    """Return the metrics of random and stress inputs.

    Args:
        samples: The number of random samples.
        axes: All dynamic axes.
        results: Each stress batch, and whether torch could run it.
    """
    names = _join_names([batch for batch, is_compared in results if is_compared])
    note = f"also {names or 'nothing'}"
    if skipped := _join_names([batch for batch, is_compared in results if not is_compared]):
        note += f"; not {skipped}, which torch cannot take"
    tested = {batch.axis for batch, is_compared in results if is_compared}
    tried = dict.fromkeys(batch.axis for batch, _ in results if batch.axis)
    untested = [axis for axis in tried if axis not in tested]
    return {
        "parity.inputs.random_samples": Metric(samples, "samples", note=note),
        "parity.inputs.dynamic_axes": Metric(
            len(axes), "axes", note=", ".join(axis.name for axis in axes)
        ),
        "parity.inputs.untested_axes": Metric(len(untested), "axes", note=", ".join(untested)),
    }


def _join_names(batches: Sequence[InputBatch]) -> str:
    """Return the names of batches; those of one purpose follow each other without repeating it."""
    names = []
    for purpose, group in groupby(batches, key=lambda batch: batch.purpose):
        details = [batch.name.removeprefix(purpose).strip() for batch in group]
        names.append(f"{purpose} {', '.join(details)}".strip())
    return ", ".join(names)
