"""Direction and range of metrics: the better side of each, and the values that it can have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.stages.metrics.limits import Sense, matches

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_better", "find_range"]

HIGH: Sense = ">="
LOW: Sense = "<="

BETTER: Mapping[str, Sense | None] = {
    "accuracy.drop": LOW,
    "accuracy.lost": LOW,
    "accuracy.mcnemar": None,
    "accuracy.*": HIGH,
    "agreement.*": HIGH,
    "compact.*_before": None,
    "compact.*": LOW,
    "data.*": LOW,
    "forms.*": HIGH,
    "graph.refused_*": LOW,
    "graph.*": None,
    "latency.*.dense*": None,
    "latency.*.pruned_throughput": HIGH,
    "latency.*": LOW,
    "memory.dense": None,
    "memory.*": LOW,
    "metric.drop": LOW,
    "metric.samples": HIGH,
    "metric.over_constant": HIGH,
    "metric.*": None,
    "parity.inputs.dynamic_axes": None,
    "runtime.nodes": None,
    "runtime.sparse_layers": HIGH,
    "size.artifact": LOW,
    "size.onnx*": LOW,
    "size.ratio*": HIGH,
    "size.*": None,
    "sparsity.*": HIGH,
    "*.compared": HIGH,
    "*cosine": HIGH,
    "*.argmax": HIGH,
    "*.equal": HIGH,
    "*.files": HIGH,
    "*.outputs": HIGH,
    "*samples": HIGH,
    "*.sqnr_db": HIGH,
    "*.top5": HIGH,
    "*.values": HIGH,
    "parity.*": LOW,
    "runtime.*": LOW,
    "similarity.*": LOW,
    "torch.*": LOW,
    "weights.*": LOW,
}
"""The sense of a limit on the better side, by globs over names; the first that matches counts.

None stands for a metric of the dense model, or one without a better side.
"""

UNITS = {"%": (0.0, 100.0), "points": (-100.0, 100.0)}
"""The range of a unit."""

NUMBERS = {
    "accuracy.mcnemar": (0.0, 1.0),
    "forms.*": (0.0, 1.0),
    "latency.*.verdict": (-1.0, 1.0),
    "metric.samples": (0.0, math.inf),
    "metric.*": (-math.inf, math.inf),
    "runtime.tf32": (0.0, 1.0),
    "*cosine": (-1.0, 1.0),
    "*.sqnr_db": (-math.inf, math.inf),
}
"""The range of a number without such a unit, by globs over names; others are at least 0."""


def find_better(name: str) -> Sense | None:
    """Return the sense of a limit on the better side of a metric; None without a better side."""
    return next((sense for glob, sense in BETTER.items() if matches(name, (glob,))), None)


def find_range(name: str, unit: str) -> tuple[float, float]:
    """Return the lowest and the highest value of a metric."""
    if unit in UNITS:
        return UNITS[unit]
    ranges = (ends for glob, ends in NUMBERS.items() if matches(name, (glob,)))
    return next(ranges, (0.0, math.inf))
