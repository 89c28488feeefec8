"""Zeros and denormals among the weights of a model: in its torch form, or in its ONNX file."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.reading.artifact import Artifact
from prunepack.stages.contract.messages import list_first
from prunepack.stages.graphs.sparsity import count_graph_zeros
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.denormals import count_denormals
from prunepack.stages.structure.weights import read_constants
from prunepack.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import torch
    from torch import nn

    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

__all__ = ["measure_denormals", "measure_graph_sparsity", "measure_sparsity"]


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
    """Return the metrics of :func:`measure_sparsity` for a model that exists as ONNX only.

    Elements that compaction removed count as they were before.
    """
    removed = {} if onnx is None else onnx.interface.get("compact", {}).get("removed", {})
    with _open_file(onnx, artifact) as model:
        counts = dict.fromkeys(removed, (0, 0)) | count_graph_zeros(model)
    pairs = ((name, count, removed.get(name, (0, 0))) for name, count in counts.items())
    return _sparsity_metrics({n: (z + gone[0], size + gone[1]) for n, (z, size), gone in pairs})


def measure_denormals(onnx: OnnxModel | None, artifact: PackedArtifact | None) -> Metrics:
    """Return ``weights.denormal``: the denormal elements of all constants in the file."""
    with _open_file(onnx, artifact) as model:
        counts = {name: count_denormals(array) for name, array in read_constants(model).items()}
    listing = list_first(f"{name} ({count:,})" for name, count in counts.items() if count)
    return {"weights.denormal": Metric(sum(counts.values()), "values", note=listing)}


@contextmanager
def _open_file(onnx: OnnxModel | None, artifact: PackedArtifact | None) -> Iterator[Path]:
    """Yield the path of the exported file, or of the file in the artifact without one."""
    if onnx is not None:
        yield onnx.model
        return
    assert artifact is not None, "one of the two exists"
    with TemporaryDirectory() as folder:
        unpack(artifact.file, Path(folder, "files"))
        with Artifact.open(artifact.file) as opened:
            model = next(iter(opened.files))
        yield Path(folder, "files", model)


def _sparsity_metrics(counts: Mapping[str, tuple[int, int]]) -> Metrics:
    """Return the sparsity of all weights, and that of each layer."""
    zeros, values = _add_columns(counts.values())
    layers = {f"sparsity.layer.{name}": _sparsity_metric(*count) for name, count in counts.items()}
    return {"sparsity.weights": _sparsity_metric(zeros, values), **layers}


def _sparsity_metric(zeros: int, values: int) -> Metric:
    percent = 100 * zeros / values if values else 0.0
    return Metric(percent, "%", note=f"{zeros:,} of {values:,} are zero")
