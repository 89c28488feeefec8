"""Inputs that a model runs on: random inputs, and samples of real data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """Return ``count`` random samples of a model's inputs: shape (count, *sample) each.

    Floating-point inputs are drawn from the standard normal distribution, integers from 0 up to,
    but not including, their entry in ``sizes``. Integers without an entry, and booleans, are
    drawn from {0, 1}, which is valid for an index, a label and a mask.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    limits = sizes or {}
    return {
        spec.name: _draw(generator, (count, *spec.shape), spec.dtype, limits.get(spec.name, 2))
        for spec in inputs
    }


def _draw(generator: np.random.Generator, shape: tuple[int, ...], dtype: str, size: int) -> Array:
    import numpy as np

    if dtype.startswith("float"):
        return generator.standard_normal(shape).astype(dtype)
    top = 2 if dtype == "bool" else min(size, int(np.iinfo(dtype).max) + 1)
    return generator.integers(0, top, shape).astype(dtype)
