"""Inputs that a model is run on: real samples where there are any, else seeded noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from stages.checkpoints import InputSpec

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["noise", "real"]


def noise(inputs: Sequence[InputSpec], count: int, seed: int) -> Arrays:
    """Return ``count`` samples a model's inputs: shape (count, *sample) each.

    Floating-point inputs are drawn from the standard normal distribution, integers and
    booleans from {0, 1}, which is valid for an index, a label and a mask.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    return {one.name: _draw(generator, (count, *one.shape), one.dtype) for one in inputs}


def _draw(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
    if dtype.startswith("float"):
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)


def real(inputs: Sequence[InputSpec], samples: npt.NDArray[np.float32]) -> Arrays:
    """Return ``samples`` (n, *sample) as the first and only input of a model."""
    return {inputs[0].name: samples.astype(inputs[0].dtype)}
