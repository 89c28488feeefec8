"""Counts of a graph before and after compaction, as its record states them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from prunepack.stages.contract.outputs import OnnxModel

__all__ = ["compaction_metrics"]

UNITS = {"channels": "channels", "parameters": "values", "macs": "MACs"}


def compaction_metrics(onnx: OnnxModel | None) -> Metrics:
    """Return ``compact.*`` of a compacted model; nothing of another one."""
    record = {} if onnx is None else onnx.interface.get("compact", {})
    return {
        f"compact.{name}{suffix}": Metric(record[time][name], unit)
        for name, unit in UNITS.items()
        for time, suffix in (("before", "_before"), ("after", ""))
        if record
    }
