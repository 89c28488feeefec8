"""The weights themselves: the same bytes in the artifact as exported, and how many are zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

__all__ = ["sparsity", "weights_link"]


def weights_link(onnx: OnnxModel, artifact: PackedArtifact) -> Metrics:
    """Compare the exported files with those that come out of the artifact, byte for byte."""
    from prunepack.reading.artifact import Artifact

    differing: dict[str, int] = {}
    with Artifact.open(artifact.file) as content:
        packed = set(content.files)
        exported = {file.name for file in onnx.path.glob("model.onnx*")}
        for name in sorted(packed & exported):
            differing[name] = _differing_bytes(content.read_file(name), onnx.path / name)
    unmatched = packed ^ exported
    return {
        "parity.weights.files": Metric(len(packed & exported), "files"),
        "parity.weights.unmatched_files": Metric(
            len(unmatched), "files", note=", ".join(sorted(unmatched))
        ),
        "parity.weights.differing_bytes": Metric(
            sum(differing.values()),
            "bytes",
            note=", ".join(name for name, count in differing.items() if count),
        ),
    }


def _differing_bytes(packed: bytes, file: Path) -> int:
    a, b = np.frombuffer(packed, np.uint8), np.fromfile(file, np.uint8)
    shared = min(a.size, b.size)
    return int((a[:shared] != b[:shared]).sum()) + abs(a.size - b.size)


def sparsity(final: nn.Module) -> Metrics:
    """Count zeros among weights of two or more dimensions, the ones that pruning is for.

    Returns:
        ``sparsity.weights`` of all of them, and ``sparsity.layer.NAME`` of each.
    """
    counts = {
        name.removesuffix(".weight"): (weight.numel() - int(weight.count_nonzero()), weight.numel())
        for name, weight in final.named_parameters()
        if weight.ndim >= 2
    }
    all_zeros, all_values = (sum(column) for column in zip((0, 0), *counts.values(), strict=True))
    layers = {f"sparsity.layer.{name}": _share(*count) for name, count in counts.items()}
    return {"sparsity.weights": _share(all_zeros, all_values), **layers}


def _share(zeros: int, total: int) -> Metric:
    share = 100 * zeros / total if total else 0.0
    return Metric(share, "%", note=f"{zeros:,} of {total:,} are zero")
