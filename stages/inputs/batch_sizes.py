"""Stress inputs of batch sizes: odd ones, those of deployment, and those that are timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.data.input_values import is_batched
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.inputs.batches import InputBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.stages.inputs.usual import UsualInputs

__all__ = ["SIZES", "resize_batches"]

SIZES = (3, 7, 16, 32, 100)
"""Sizes of a batch, beside those of random inputs."""


def resize_batches(
    usual: UsualInputs, most: int, timed: Sequence[int] = ()
) -> Iterator[InputBatch]:
    """Yield random samples in batches of each size.

    Args:
        usual: The usual inputs.
        most: The most samples of one run, by the memory that they need.
        timed: The sizes that ``measure`` times, which run whatever memory they need.
    """
    if not is_batched(usual.inputs):
        return
    for size in sorted({*(size for size in SIZES if size <= most), *timed}):
        arrays = random_inputs(usual.inputs, size, usual.seed, usual.rows)
        yield InputBatch(f"batch of {size}", arrays, size, purpose="batch of")
