"""Audit of test samples: those that are also trained on, and those that another call changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import PrunepackError
from prunepack.stages.contract.user_code import import_folder, is_user_code
from prunepack.stages.contract.user_imports import import_anew
from prunepack.stages.data.distinct import SampleDigests
from prunepack.stages.data.splits import Split
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.data.splits import AnySplit
    from prunepack.stages.data.user_samples import SampleSource

__all__ = ["audit_samples"]

BATCH = 500
AGAIN = 256
"""Samples that are read in another call."""

MOST_STREAMED = 2000
"""Samples of a stream that are read for the comparison with the training split."""

MOST_BYTES = 2**28
"""Largest split in memory that a second call may make."""


def audit_samples(sources: Iterable[SampleSource], samples: int) -> Metrics:
    """Return metrics of the samples that were read, as far as their source allows it.

    Args:
        sources: The sources, after all their samples were read.
        samples: The number of samples that were read from each; 0 for all.
    """
    metrics: Metrics = {}
    for source in sources:
        for measure in (_measure_training, _measure_changes):
            try:
                metrics |= measure(source, samples)
            except PrunepackError:  # nobody asked for this split, or for this call
                continue
    return metrics


def _measure_training(source: SampleSource, _samples: int) -> Metrics:
    """Return the share of test samples that are also trained on.

    Where few different samples are possible, as in tables of categories, training samples repeat
    one another too; their share is subtracted.
    """
    if source.train is None or not len(source.digests):
        return {}
    train, found, repeated, count = SampleDigests(), set[bytes](), 0, 0
    for arrays in _read_limited(source.train):
        found.update(source.digests.find(arrays))
        repeated += int((~train.add(arrays)).sum())
        count += len(next(iter(arrays.values())))
    if not count:
        return {}
    whole = max(1.0, (source.train.samples or count) / count)
    share = min(100.0, 100 * whole * len(found) / len(source.digests)) - 100 * repeated / count
    note = f"{len(found):,} of {len(source.digests):,} samples, among {count:,} training samples"
    return {"data.test_in_train": Metric(max(0.0, share), "%", note=note)}


def _read_limited(split: AnySplit) -> Iterator[Arrays]:
    """Yield the samples of a split in memory, or the first ones of a stream."""
    count = 0
    for batch in split.read(BATCH):
        yield batch.arrays
        count += len(batch)
        if not isinstance(split, Split) and count >= MOST_STREAMED:
            return


def _measure_changes(source: SampleSource, samples: int) -> Metrics:
    """Return the share of samples that another call of the user's function does not give."""
    if source.again is None or not is_user_code(source.reference) or _is_large(source.split):
        return {}
    wanted = min(samples or AGAIN, AGAIN)
    with import_anew(import_folder(source.reference)):
        batch = next(source.again().read(wanted), None)
    if batch is None:
        return {}
    part = batch.take(slice(wanted))
    changed = 100 * (1 - len(source.digests.find(part.arrays)) / len(part))
    note = f"{source.name}, {len(part):,} samples of a second call"
    return {"data.changed_samples": Metric(changed, "%", note=note)}


def _is_large(split: AnySplit) -> bool:
    if not isinstance(split, Split):
        return False
    arrays = split.layout.bind((split.inputs, split.labels)).arrays.values()
    return sum(array.nbytes for array in arrays) > MOST_BYTES
