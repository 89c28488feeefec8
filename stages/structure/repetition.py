"""Two runs of one session on one input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Array, ArrayMapping

__all__ = ["compare_runs"]


def compare_runs(first: ArrayMapping, second: ArrayMapping) -> Metrics:
    """Count the output values of a session that change when it runs again on the same inputs.

    Two new sessions draw the same random numbers; one session draws others in its second run.
    """
    counts = {name: _count_different(array, second[name]) for name, array in first.items()}
    changed = [name for name, count in counts.items() if count]
    return {
        "runtime.inconsistent_values": Metric(
            sum(counts.values()), "values", note=", ".join(changed)
        )
    }


def _count_different(a: Array, b: Array) -> int:
    if a.shape != b.shape:
        return max(a.size, b.size)
    same = a == b
    if a.dtype.kind in "fc":
        same |= np.isnan(a) & np.isnan(b)
    return int(np.size(same) - np.count_nonzero(same))
