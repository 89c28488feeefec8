"""Front matter of a model card: the keys that the Hugging Face hub reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.metrics.metric import Metric
    from prunepack.stages.reporting.card.card import CardFacts
    from prunepack.stages.reporting.report import Report

__all__ = ["list_front_matter"]

TAGS = ["onnx", "onnxruntime", "prunepack", "pruning", "sparsity"]

RESULTS = ("accuracy.artifact", "accuracy.onnx")
"""The accuracy of the result, by the first metric that was measured."""


def list_front_matter(report: Report, facts: CardFacts) -> list[str]:
    """Return the lines of the front matter, in YAML whose values are JSON."""
    pairs: dict[str, Any] = {
        "library_name": "onnx",
        "license": facts.license,
        "base_model": facts.base_model,
        "pipeline_tag": facts.task,
        "datasets": [facts.dataset] if facts.dataset else [],
        "tags": TAGS,
        "model-index": list(_list_results(report, facts)),
    }
    filled = {key: value for key, value in pairs.items() if value}
    return [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in filled.items()]


def _list_results(report: Report, facts: CardFacts) -> Iterator[dict[str, Any]]:
    """Yield the accuracy, if it was measured and its task and dataset have names."""
    found = [report.metrics[name] for name in RESULTS if name in report.metrics]
    if not found or not facts.task or not facts.dataset:
        return
    result = {
        "task": {"type": facts.task},
        "dataset": {"name": facts.dataset, "type": facts.dataset},
        "metrics": [_describe_accuracy(found[0])],
    }
    yield {"name": facts.name, "results": [result]}


def _describe_accuracy(metric: Metric) -> dict[str, Any]:
    return {"type": "accuracy", "value": round(metric.value / 100, 6), "name": "Accuracy"}
