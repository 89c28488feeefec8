"""Metrics of an earlier release, from its report or its artifact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.stages.metrics.files import MetricSet, find_metrics_file, read_metrics
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.profiling.operators import graph_metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prunepack.reading.inspection import TensorRow

__all__ = ["open_baseline"]

ARTIFACT_SUFFIX = ".prunepack"


def open_baseline(path: Path) -> MetricSet:
    """Return the metrics of an earlier release.

    A report, a file of verify or measure, or a folder with one has all its metrics; an artifact
    has its size, its sparsity and its graph.

    Raises:
        RefusedError: If it is neither, or damaged.
        UsageError: If it cannot be read.
    """
    if path.suffix == ARTIFACT_SUFFIX:
        return MetricSet(_measure_artifact(path), {path.name: hash_file(path)})
    found = read_metrics(find_metrics_file(path))
    if not found.metrics:
        raise RefusedError(f"the baseline `{path}` holds no metrics", expected="at least one")
    return found


def _measure_artifact(path: Path) -> Metrics:
    """Return the metrics of an artifact that can be read without running it."""
    from prunepack.reading.artifact import Artifact
    from prunepack.reading.inspection import describe_tensors

    with Artifact.open(path) as artifact:
        model = next(iter(artifact.files))
        graph = graph_metrics_of(artifact.read_file(model))
        size = sum(file.size for file in artifact.files.values())
        sparsity = _compute_sparsity(describe_tensors(artifact))
    return {
        "size.artifact": Metric(path.stat().st_size, "bytes"),
        "size.onnx": Metric(size, "bytes"),
        "sparsity.weights": Metric(sparsity, "%", note="of the tensors in the artifact"),
        **graph,
    }


def _compute_sparsity(tensors: Iterable[TensorRow]) -> float:
    """Return the percentage of zeros among the weights: tensors of at least two axes."""
    weights = [row for row in tensors if len(row.shape) >= 2]
    total = sum(row.elements for row in weights)
    zeros = math.fsum(row.elements * (row.zero_fraction or 0.0) for row in weights)
    return 100 * zeros / total if total else 0.0
