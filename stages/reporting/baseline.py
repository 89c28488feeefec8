"""Metrics of an earlier release, from its report or its artifact, or recalled from checks."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError
from prunepack.io.digests import hash_file
from prunepack.stages.contract.progress import remark
from prunepack.stages.metrics.files import MetricSet, find_metrics_file, read_metrics
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.profiling.operators import graph_metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from prunepack.reading.inspection import TensorRow

__all__ = ["find_baseline", "open_baseline"]

ARTIFACT_SUFFIX = ".prunepack"

PARTS = (
    re.compile(r"sparsity\.layer\.(.+)"),
    re.compile(r"(?:parity\.torch_onnx|parity\.files|similarity)\.outputs\.(.+)\.[a-z0-9_]+"),
)
"""Names of metrics that contain the name of a layer, and of an output."""


def find_baseline(
    path: Path | None, sources: Sequence[Path], measured: MetricSet
) -> MetricSet | None:
    """Return the baseline in ``path``, or that of the report that is judged again.

    Raises:
        RefusedError: If it cannot be read, or is of another model.
        UsageError: If it is one of the ``sources`` itself.
    """
    if path is None:
        return _recall_baseline(measured)
    file = find_metrics_file(path)
    if any(file.exists() and file.samefile(source) for source in sources):
        raise UsageError(
            f"the baseline `{path}` is the report that is judged",
            hint="Name the report of an earlier release",
        )
    baseline = open_baseline(path)
    _check_same_parts(path, baseline, measured)
    return baseline


def open_baseline(path: Path) -> MetricSet:
    """Return the metrics of an earlier release.

    A report, a file of verify or measure, or a folder with one has all its metrics; an artifact
    has its size, its sparsity, in all and by layer, and its graph.

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
        sparsity = _measure_sparsity(describe_tensors(artifact))
    return {
        "size.artifact": Metric(path.stat().st_size, "bytes"),
        "size.onnx": Metric(size, "bytes"),
        **sparsity,
        **graph,
    }


def _measure_sparsity(tensors: Iterable[TensorRow]) -> Metrics:
    """Return the percentage of zeros among the weights, tensors of at least two axes, and of each.

    A layer has the name that the exporter gave to its weight, which is usually that of the model.
    """
    weights = [row for row in tensors if len(row.shape) >= 2 and row.elements]
    total = sum(row.elements for row in weights)
    zeros = math.fsum(row.elements * (row.zero_fraction or 0.0) for row in weights)
    share = 100 * zeros / total if total else 0.0
    return {
        "sparsity.weights": Metric(share, "%", note="of the tensors in the artifact"),
        **{
            f"sparsity.layer.{row.name.removesuffix('.weight')}": Metric(
                100 * (row.zero_fraction or 0.0), "%"
            )
            for row in weights
        },
    }


def _recall_baseline(measured: MetricSet) -> MetricSet | None:
    """Return the values of the baseline that the checks of a report were made with.

    None if there are no such checks. A limit that is judged again has the same threshold without
    the files of the baseline.

    Raises:
        RefusedError: If the checks in the report are malformed.
    """
    digests = measured.content.get("baseline")
    if not isinstance(digests, dict):
        return None
    try:
        values = dict(filter(None, map(_recall_value, measured.content["checks"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            "the checks of the report are malformed",
            expected="a limit and a threshold for each",
            found=f"{type(error).__name__}: {error}",
        ) from None
    return MetricSet(values, digests, measured.host) if values else None


def _recall_value(check: Mapping[str, Any]) -> tuple[str, Metric] | None:
    limit = Limit.parse(check["limit"])
    if limit.reference != "baseline" or not limit.factor:
        return None
    value = (float(check["threshold"]) - limit.constant) / limit.factor
    return str(check["name"]), Metric(value, str(check["unit"]))


def _check_same_parts(path: Path, baseline: MetricSet, measured: MetricSet) -> None:
    """Refuse a baseline that has only other layers and outputs than the measured model.

    Either of them may have been renamed since, which is a remark. An artifact names no outputs.

    Raises:
        RefusedError: If no layer and no output that both name is the same.
    """
    pairs = [(_names(measured, one), _names(baseline, one)) for one in PARTS]
    other = [not here & there if here and there else None for here, there in pairs]
    if True in other and False not in other:
        raise RefusedError(
            f"the baseline `{path}` is of another model",
            expected="a layer or an output with the same name",
            found="none",
            hint="Name an earlier release of the same model",
        )
    if other[0]:
        remark(f"the baseline {path} has no layer in common with this model")


def _names(metrics: MetricSet, pattern: re.Pattern[str]) -> set[str]:
    found = (pattern.fullmatch(name) for name in metrics.metrics)
    return {match[1] for match in found if match}
