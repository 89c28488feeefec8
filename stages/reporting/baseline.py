"""An earlier release to compare with: its report, or its artifact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.digests import hash_file
from prunepack.stages.metrics.files import MetricSet, find_metrics_file, read_metrics
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.profiling.operators import graph_metrics_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_baseline"]

MAGIC_SUFFIX = ".prunepack"


def open_baseline(path: Path) -> MetricSet:
    """Return the figures of an earlier release.

    Of a report, a file of verify or measure, or a folder with one, these are the figures in it; of
    an artifact those that can be read off it: its size, its sparsity and its graph.

    Raises:
        RefusedError: If it is neither, or damaged.
        UsageError: If it cannot be read.
    """
    if path.suffix == MAGIC_SUFFIX:
        return MetricSet(_of_artifact(path), {path.name: hash_file(path)})
    found = read_metrics(find_metrics_file(path))
    if not found.metrics:
        raise RefusedError(f"the baseline {path} holds no figures", expected="at least one")
    return found


def _of_artifact(path: Path) -> Metrics:
    """Return what can be told of a packed file without running it."""
    from prunepack.reading.artifact import Artifact
    from prunepack.reading.inspection import describe_tensors

    with Artifact.open(path) as artifact:
        model = next(iter(artifact.files))
        graph = graph_metrics_of(memoryview(artifact.read_file(model)))
        size = sum(file.size for file in artifact.files.values())
        weights = [row for row in describe_tensors(artifact) if len(row.shape) >= 2]
        total = sum(row.elements for row in weights)
        zeros = math.fsum(row.elements * (row.zero_fraction or 0.0) for row in weights)
    return {
        "size.artifact": Metric(path.stat().st_size, "bytes"),
        "size.onnx": Metric(size, "bytes"),
        "sparsity.weights": Metric(
            100 * zeros / total if total else 0.0, "%", note="of the tensors in the artifact"
        ),
        **graph,
    }
