"""Properties of a model's inputs: bounds of values, masks, batch axes, sample files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = [
    "find_bounds",
    "is_batched",
    "is_mask",
    "limit_batch",
    "list_batch_axes",
    "move_batch_axis",
    "read_sample_file",
    "slice_samples",
    "take_samples",
]

MOST_ELEMENTS = 1 << 22
"""Most elements of all inputs in one run, which bounds the memory of large images."""


def find_bounds(spec: InputSpec, rows: int | None = None) -> tuple[float, float]:
    """Return the lowest and the highest value of an input; infinite for floats without a range.

    Args:
        spec: The input.
        rows: The rows of the table that it indexes, if it indexes one.
    """
    import numpy as np

    if spec.dtype.startswith("float"):
        return spec.range or (-math.inf, math.inf)
    if spec.dtype == "bool":
        return spec.range or (0, 1)
    limits = np.iinfo(spec.dtype)
    low, high = spec.range or (0, 1 if rows is None else rows - 1)
    return max(math.ceil(low), int(limits.min)), min(math.floor(high), int(limits.max))


def is_mask(spec: InputSpec, rows: int | None = None) -> bool:
    """Return whether an input is a mask: several booleans, or integers of 0 and 1 per sample."""
    is_whole = not spec.dtype.startswith("float") and spec.file is None
    several = any(size != 1 for size in spec.shape)  # also where samples have a size of 1
    indexes = rows is not None and spec.range is None and spec.dtype != "bool"
    return is_whole and several and not indexes and find_bounds(spec, rows) == (0, 1)


def read_sample_file(spec: InputSpec) -> Array:
    """Read the samples of an input from its file.

    Raises:
        UsageError: If the file does not hold an array of the input's shape and dtype.
    """
    import numpy as np

    try:
        samples = np.load(str(spec.file), allow_pickle=False)
        if not isinstance(samples, np.ndarray):
            raise TypeError("an archive")
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise UsageError(
            f"`load.inputs` cannot read `{spec.file}`, the samples of `{spec.name}`",
            expected="an .npy file with one array",
            found=str(error).partition("\n")[0],
            hint="Write the samples with numpy.save, along the batch axis",
        ) from None
    expected = spec.dimensions
    fits = samples.ndim == len(expected) and all(
        isinstance(axis, str) or axis == size
        for axis, size in zip(expected, samples.shape, strict=True)
    )
    if not fits or not samples.size or not np.can_cast(samples.dtype, spec.dtype, "same_kind"):
        raise UsageError(
            f"`{spec.file}` does not fit the input `{spec.name}`",
            expected=f"{spec.dtype}[{', '.join(map(str, expected))}]",
            found=f"{samples.dtype}{list(samples.shape)}",
        )
    return samples.astype(spec.dtype)


def slice_samples(
    inputs: Sequence[InputSpec], arrays: Mapping[str, Array], start: int, end: int
) -> Arrays:
    """Return the samples from ``start`` to ``end``; inputs without a batch axis stay whole."""
    axes = {spec.name: spec.batch_axis for spec in inputs}
    return {name: _slice(array, axes.get(name, 0), start, end) for name, array in arrays.items()}


def _slice(array: Array, axis: int | str, start: int, end: int) -> Array:
    if isinstance(axis, str):
        return array
    return array[(slice(None),) * axis + (slice(start, end),)]


def take_samples(
    inputs: Sequence[InputSpec], arrays: Mapping[str, Array], indices: Array
) -> Arrays:
    """Return the samples at ``indices``; inputs without a batch axis stay whole."""
    axes = {spec.name: spec.batch_axis for spec in inputs}
    return {name: _take(array, axes[name], indices) for name, array in arrays.items()}


def _take(array: Array, axis: int | str, indices: Array) -> Array:
    return array if isinstance(axis, str) else array.take(indices, axis)


def move_batch_axis(inputs: Sequence[InputSpec], arrays: Mapping[str, Array]) -> Arrays:
    """Return arrays (n, *sample) with the batch axis where each input has it."""
    import numpy as np

    axes = {spec.name: spec.batch_axis for spec in inputs if spec.batch_axis != "none"}
    return {
        name: np.ascontiguousarray(np.moveaxis(array, 0, axis))
        if (axis := axes.get(name, 0))
        else array
        for name, array in arrays.items()
    }


def list_batch_axes(inputs: Sequence[InputSpec]) -> dict[str, int | None]:
    """Return the batch axis of each input; None for an input without one."""
    axes = {spec.name: spec.batch_axis for spec in inputs}
    return {name: None if axis == "none" else axis for name, axis in axes.items()}


def is_batched(inputs: Sequence[InputSpec]) -> bool:
    """Return whether an input has a batch axis."""
    return any(spec.batch_axis != "none" for spec in inputs)


def limit_batch(inputs: Sequence[InputSpec], size: int) -> int:
    """Return the number of samples for one run: ``size``, or fewer if samples are large."""
    if not is_batched(inputs):
        return 1
    elements = sum(math.prod(spec.sample_shape) for spec in inputs)
    return max(1, min(size, MOST_ELEMENTS // max(elements, 1)))
