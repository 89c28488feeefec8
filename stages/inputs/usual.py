"""Usual inputs: the random samples that stress inputs change in part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.data.input_values import find_bounds, is_batched, is_mask
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["UsualInputs"]

ELEMENTS = 2048
"""Elements of one stress batch; small samples are several, so that their values vary."""

MOST_SAMPLES = 16
"""Most samples of one stress batch."""


@dataclass(frozen=True)
class UsualInputs:
    """Random samples of all inputs, and the rules for other values of them.

    Attributes:
        inputs: The inputs of the model.
        seed: The seed of all values.
        rows: The rows of the table that an integer input indexes.
    """

    inputs: Sequence[InputSpec]
    seed: int
    rows: Mapping[str, int]

    @property
    def count(self) -> int:
        """The number of samples of one stress batch; large samples are few."""
        if not is_batched(self.inputs):
            return 1
        elements = sum(math.prod(spec.sample_shape) for spec in self.inputs)
        return max(1, min(MOST_SAMPLES, ELEMENTS // max(elements, 1)))

    @cached_property
    def arrays(self) -> Arrays:
        """The usual values."""
        return random_inputs(self.inputs, self.count, self.seed, self.rows)

    @property
    def free(self) -> list[InputSpec]:
        """The inputs that do not take their samples from a file."""
        return [spec for spec in self.inputs if spec.file is None]

    @property
    def floats(self) -> list[InputSpec]:
        """The free inputs of floating-point values."""
        return [spec for spec in self.free if spec.dtype.startswith("float")]

    def find_bounds(self, spec: InputSpec) -> tuple[float, float]:
        """Return the lowest and the highest value of an input."""
        return find_bounds(spec, self.rows.get(spec.name))

    def is_mask(self, spec: InputSpec) -> bool:
        """Return whether an input is a mask, which is never all zero."""
        return is_mask(spec, self.rows.get(spec.name))

    def clip(self, spec: InputSpec, values: Array) -> Array:
        """Return values within the range of an input, in its dtype."""
        low, high = self.find_bounds(spec)
        with np.errstate(over="ignore"):
            return np.asarray(np.clip(values, low, high).astype(spec.dtype))

    def change(
        self, purpose: str, detail: str, arrays: Mapping[str, Array], scale: float = 1.0
    ) -> InputBatch | None:
        """Return a batch in which some inputs have other values; None if nothing changed."""
        usual = self.arrays
        if all(np.array_equal(array, usual[name]) for name, array in arrays.items()):
            return None
        name = f"{purpose} {detail}".rstrip()
        changed = {**usual, **arrays}
        return InputBatch(name, changed, self.count, scale=scale, purpose=purpose)
