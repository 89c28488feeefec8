"""Inputs that a model runs on: random inputs, and samples of real data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.data.input_values import find_bounds, is_mask, read_sample_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["Samples", "random_inputs"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of real data, as inputs of a model.

    Attributes:
        source: The origin of the samples, for messages.
        arrays: (n, *sample) per input, in the model's order.
        labels: The expected answers, (n, …); None if there are no labels.
    """

    source: str
    arrays: Arrays
    labels: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def take(self, chosen: slice | Array) -> Samples:
        """Return the samples of a slice, or of an array of indices."""
        arrays = {name: array[chosen] for name, array in self.arrays.items()}
        labels = None if self.labels is None else self.labels[chosen]
        return Samples(self.source, arrays, labels)

    def batches(self, size: int) -> Iterator[Samples]:
        """Yield all samples, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


def random_inputs(
    inputs: Sequence[InputSpec], count: int, seed: int, sizes: Mapping[str, int] | None = None
) -> Arrays:
    """Return ``count`` random samples of a model's inputs, along the batch axis of each.

    An input with a sample file takes the samples of the file, again from the first one if there
    are too few. Values are uniform in a declared range. Without a range, floating-point inputs are
    drawn from the standard normal distribution and integers from 0 up to, but not including, their
    entry in ``sizes``. Integers without an entry, and booleans, are drawn from {0, 1}, which is
    valid for an index, a label and a mask; a mask has a 1 at the first place of each row, and a
    boolean one False at the last.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    limits = sizes or {}
    return {
        spec.name: _draw_input(generator, spec, count, limits.get(spec.name)) for spec in inputs
    }


def _draw_input(
    generator: np.random.Generator, spec: InputSpec, count: int, rows: int | None
) -> Array:
    """Return samples of one input, with its batch axis in place."""
    import numpy as np

    if spec.file is not None:
        return _repeat_samples(read_sample_file(spec), spec, count)
    shape = (1 if spec.batch_axis == "none" else count, *spec.sample_shape)
    samples = _draw(generator, spec, shape, rows)
    if is_mask(spec, rows):
        _set_ends(spec, samples)
    if spec.batch_axis == "none":
        whole: Array = np.reshape(samples, spec.sample_shape)
        return whole
    return np.ascontiguousarray(np.moveaxis(samples, 0, spec.batch_axis))


def _draw(
    generator: np.random.Generator, spec: InputSpec, shape: tuple[int, ...], rows: int | None
) -> Array:
    import numpy as np

    if spec.dtype.startswith("float") and spec.range is None:
        return generator.standard_normal(shape).astype(spec.dtype)
    low, high = find_bounds(spec, rows)
    if spec.dtype.startswith("float"):
        return generator.uniform(low, high, shape).astype(spec.dtype).clip(low, high)
    return generator.integers(int(low), int(high), shape, endpoint=True, dtype=np.int64).astype(
        spec.dtype
    )


def _set_ends(spec: InputSpec, samples: Array) -> None:
    """Set the first element of each row to 1, along the last axis with several elements.

    A causal model sees nothing at the first position if its own mask is 0 there. The last boolean
    becomes False: a model that is given its padding, which True hides, sees nothing without one.
    """
    several = (axis for axis, size in enumerate(spec.sample_shape, 1) if size != 1)
    axis = max(several, default=len(spec.sample_shape))
    if spec.dtype == "bool":
        samples[(slice(None),) * axis + (slice(-1, None),)] = False
    samples[(slice(None),) * axis + (slice(1),)] = 1


def _repeat_samples(samples: Array, spec: InputSpec, count: int) -> Array:
    import numpy as np

    if spec.batch_axis == "none":
        return samples
    axis = spec.batch_axis
    repeated: Array = np.take(samples, np.arange(count) % samples.shape[axis], axis)
    return repeated
