"""Accuracy in a verdict: doubts about its measurement, and a lack of measurements or limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.metric import Metric

__all__ = ["COSINE", "describe_quality", "find_doubt"]

COSINE = "cosine_to_dense"
"""The metric that needs no labels: the answers of the dense model take their place."""

GROUPS = ("accuracy.", "metric.")
COUNT = ".samples"

JUDGED = ("dense", "pruned", "onnx", "artifact", "drop")
"""Last parts of the names of metrics that are judged by labels."""

CONSTANT = (
    "no form may be better than the same answer to every sample; check the weights, the labels and "
    "the samples, or name the metric in gate.skip"
)
INDIFFERENT = (
    "the metric gave the same scores to other outputs; check that the function of verify.metric "
    "reads them, and that the samples are not all alike"
)


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


def find_doubt(name: str, metrics: Mapping[str, Metric]) -> str:
    """Return the reason why the metric ``name`` says nothing; empty without one."""
    group, _, form = name.partition(".")
    if group not in {"accuracy", "metric"} or form not in JUDGED:
        return ""
    gain = metrics.get(f"{group}.over_constant")
    if gain is not None and not (gain.value if gain.low is None else gain.low) > 0:
        return CONSTANT
    responds = metrics.get(f"{group}.responds")
    return INDIFFERENT if responds is not None and not responds.value > 0 else ""
