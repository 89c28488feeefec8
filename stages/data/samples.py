"""Inputs that a model is run on: seeded noise, and samples that mean something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["Samples", "random_inputs", "real"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs of a model that were not made up.

    Attributes:
        source: Where they are from, for messages.
        arrays: (n, *sample) for each input, in the model's order.
        labels: What the model ought to say of each, (n, …); None where nobody knows.
    """

    source: str
    arrays: Arrays
    labels: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def first(self, count: int) -> Samples:
        """Return the first ``count`` samples; all of them for 0."""
        return next(self.batches(count or len(self)))

    def batches(self, size: int) -> Iterator[Samples]:
        """Yield all samples, ``size`` at a time."""
        for at in range(0, len(self), size):
            arrays = {name: array[at : at + size] for name, array in self.arrays.items()}
            labels = None if self.labels is None else self.labels[at : at + size]
            yield Samples(self.source, arrays, labels)


def random_inputs(
    inputs: Sequence[InputSpec], count: int, seed: int, sizes: Mapping[str, int] | None = None
) -> Arrays:
    """Return ``count`` samples of a model's inputs: shape (count, *sample) each.

    Floating-point inputs are drawn from the standard normal distribution, integers from 0 up to,
    but not including, their entry in ``sizes``; without one, and for booleans, from {0, 1}, which
    is valid for an index, a label and a mask.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    limits = sizes or {}
    return {
        one.name: _draw(generator, (count, *one.shape), one.dtype, limits.get(one.name, 2))
        for one in inputs
    }


def _draw(generator: np.random.Generator, shape: tuple[int, ...], dtype: str, size: int) -> Array:
    import numpy as np

    if dtype.startswith("float"):
        return generator.standard_normal(shape).astype(dtype)
    top = 2 if dtype == "bool" else min(size, int(np.iinfo(dtype).max) + 1)
    return generator.integers(0, top, shape).astype(dtype)


def real(inputs: Sequence[InputSpec], samples: npt.NDArray[np.float32]) -> Arrays:
    """Return ``samples`` (n, *sample) as the first and only input of a model."""
    return {inputs[0].name: samples.astype(inputs[0].dtype, copy=False)}
