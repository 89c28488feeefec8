"""Metric of the quality of a release: accuracy, the user's metric, or similarity to dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.report import Report

__all__ = ["Quality", "find_quality"]

FORMS = ("artifact", "onnx", "pruned")
"""The forms after pruning, the deployed one first."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of the last form, and of the dense model.

    Attributes:
        name: ``accuracy`` or ``metric``, the start of the metrics' names.
        after: The value of the last form that was measured.
        dense: The value of the dense model; None without one.
        drop: The loss from dense to the worst other form; None without a dense model.
    """

    name: str
    after: Metric
    dense: Metric | None
    drop: Metric | None


def find_quality(report: Report) -> Quality | None:
    """Return accuracy, else the user's metric; None if neither was measured."""
    metrics = report.metrics
    for name in ("accuracy", "metric"):
        after = next((metrics[key] for form in FORMS if (key := f"{name}.{form}") in metrics), None)
        if after is not None:
            return Quality(name, after, metrics.get(f"{name}.dense"), metrics.get(f"{name}.drop"))
    return None
