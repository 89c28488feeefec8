"""Accuracy in a verdict: whether it was measured, and whether a limit is on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.metric import Metric

__all__ = ["COSINE", "describe_quality"]

COSINE = "cosine_to_dense"
"""The metric that needs no labels: the answers of the dense model take their place."""

GROUPS = ("accuracy.", "metric.")
COUNT = ".samples"


def describe_quality(metrics: Mapping[str, Metric], checked: Iterable[str]) -> str:
    """Return the reason why a verdict says nothing about accuracy; empty if it does.

    Args:
        metrics: All metrics of a release.
        checked: The names of those with a limit.
    """
    if not any(_is_judged(name) and not _is_by_dense(metrics[name]) for name in metrics):
        return "accuracy was not measured"
    return "" if any(map(_is_judged, checked)) else "accuracy has no limit"


def _is_judged(name: str) -> bool:
    return name.startswith(GROUPS) and not name.endswith(COUNT)


def _is_by_dense(metric: Metric) -> bool:
    return COSINE in metric.note
