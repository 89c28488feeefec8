"""Sparsity of a model: zeros among the weights of its torch form, or of its ONNX file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.reading.artifact import Artifact
from prunepack.stages.graphs.sparsity import count_graph_zeros
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch
    from torch import nn

    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

__all__ = ["measure_graph_sparsity", "measure_sparsity"]


def measure_sparsity(module: nn.Module, masked: Collection[str]) -> Metrics:
    """Count zeros among weights of two or more dimensions, the usual targets of pruning.

    Args:
        module: The finalized model.
        masked: The weights that had masks, by state-dict name.

    Returns:
        ``sparsity.amount`` of the weights that had masks, ``sparsity.weights`` of all weights,
        and ``sparsity.layer.NAME`` of each.
    """
    held = dict(module.named_parameters())
    reached = [_count_zeros(held[name]) for name in masked if name in held]
    amount = _sparsity_metric(*_add_columns(reached))
    counts = {
        name.removesuffix(".weight"): _count_zeros(weight)
        for name, weight in held.items()
        if weight.ndim >= 2
    }
    return {"sparsity.amount": amount, **_sparsity_metrics(counts)}


def _count_zeros(weight: torch.Tensor) -> tuple[int, int]:
    return weight.numel() - int(weight.count_nonzero()), weight.numel()


def _add_columns(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    zeros, values = (sum(column) for column in zip((0, 0), *counts, strict=True))
    return zeros, values


def measure_graph_sparsity(onnx: OnnxModel | None, artifact: PackedArtifact | None) -> Metrics:
    """Return the metrics of :func:`measure_sparsity` for a model that exists as ONNX only."""
    if onnx is not None:
        return _sparsity_metrics(count_graph_zeros(onnx.model))
    assert artifact is not None, "one of the two exists"
    with TemporaryDirectory() as folder:
        unpack(artifact.file, Path(folder, "files"))
        with Artifact.open(artifact.file) as opened:
            model = next(iter(opened.files))
        return _sparsity_metrics(count_graph_zeros(Path(folder, "files", model)))


def _sparsity_metrics(counts: Mapping[str, tuple[int, int]]) -> Metrics:
    """Return the sparsity of all weights, and that of each layer."""
    zeros, values = _add_columns(counts.values())
    layers = {f"sparsity.layer.{name}": _sparsity_metric(*count) for name, count in counts.items()}
    return {"sparsity.weights": _sparsity_metric(zeros, values), **layers}


def _sparsity_metric(zeros: int, values: int) -> Metric:
    percent = 100 * zeros / values if values else 0.0
    return Metric(percent, "%", note=f"{zeros:,} of {values:,} are zero")
