"""Named input batches: random inputs, and the samples of a user or a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.data.input_values import (
    is_batched,
    limit_batch,
    move_batch_axis,
    slice_samples,
)
from prunepack.stages.data.samples import random_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.data.user_samples import SampleSource

__all__ = ["InputBatch", "random_batches", "sample_batches"]


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Inputs of one run, with a name.

    Attributes:
        name: The kind or the source of the inputs, for messages.
        arrays: Arrays by input name, (count, *sample).
        count: The number of samples.
        first: The index of the first sample among all samples of this name.
        scale: The factor between floating-point values and those of random inputs.
        labels: The expected answers, (count, …), or None if they are unknown.
        source: The full name of the source of labelled samples, for messages.
        calibrates: Whether run-to-run errors are measured on this batch.
        purpose: The kind of stress inputs; batches of one purpose have a name that begins with it.
        axis: The dynamic axis that has another size in this batch alone.
        fresh: Whether each sample is the first of its kind, bool (count,); None if that is unknown.
        units: The divisors of outputs that large inputs make large.
    """

    name: str
    arrays: Arrays
    count: int
    first: int = 0
    scale: float = 1.0
    labels: Array | None = None
    source: str = ""
    calibrates: bool = False
    purpose: str = ""
    axis: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    fresh: Array | None = None


def random_batches(
    inputs: Sequence[InputSpec],
    count: int,
    seed: int,
    sizes: Mapping[str, int],
    most: int | None = None,
) -> Iterator[InputBatch]:
    """Yield ``count`` random samples in batches of one, of two, and of all others.

    With ``most``, batches of more samples are divided, into batches of two at least. Inputs
    without a batch axis are one sample each. The first batch with the most samples calibrates.
    """
    if not is_batched(inputs):
        for index in range(count):
            arrays = random_inputs(inputs, 1, seed + index, sizes)
            yield InputBatch("random", arrays, 1, index, calibrates=index == 0)
        return
    arrays = random_inputs(inputs, count, seed, sizes)
    most = limit_batch(inputs, most or count)
    starts = [0, 1, *range(3, count, max(2, most))]
    spans = list(zip(starts, [*starts[1:], count], strict=True))
    largest = max(spans, key=lambda span: span[1] - span[0])
    for start, end in spans:
        part = slice_samples(inputs, arrays, start, end)
        yield InputBatch("random", part, end - start, start, calibrates=(start, end) == largest)


def sample_batches(
    sources: Iterable[SampleSource],
    size: int,
    samples: int = 0,
    inputs: Sequence[InputSpec] = (),
) -> Iterator[InputBatch]:
    """Yield up to ``samples`` samples of each source, all for 0, ``size`` at a time.

    The first batch of each source calibrates. ``inputs`` say where the model has its batch axis;
    samples have it first.
    """
    for source in sources:
        first = 0
        for batch in source.batches(size, samples):
            yield InputBatch(
                name=Path(source.name).name,
                arrays=move_batch_axis(inputs, batch.arrays),
                count=len(batch),
                first=first,
                labels=batch.labels,
                source=batch.source,
                calibrates=first == 0,
                fresh=source.digests.add(batch.arrays),
            )
            first += len(batch)
