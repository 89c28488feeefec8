"""Files of an export and of its artifact, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.reading.artifact import Artifact
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact

__all__ = ["compare_files"]


def compare_files(onnx: OnnxModel, artifact: PackedArtifact) -> Metrics:
    """Compare the exported files with the files in the artifact, byte for byte."""
    differing: dict[str, int] = {}
    with Artifact.open(artifact.file) as opened:
        packed, exported = set(opened.files), onnx.named_parts
        for name in sorted(packed & exported.keys()):
            differing[name] = _count_differing_bytes(opened.read_file(name), exported[name])
    unmatched = sorted(packed ^ exported.keys())
    changed = [name for name, count in differing.items() if count]
    total = sum(differing.values())
    return {
        "parity.weights.files": Metric(len(packed & exported.keys()), "files"),
        "parity.weights.unmatched_files": Metric(
            len(unmatched), "files", note=", ".join(unmatched)
        ),
        "parity.weights.differing_bytes": Metric(total, "bytes", note=", ".join(changed)),
    }


def _count_differing_bytes(packed: bytes, file: Path) -> int:
    a, b = np.frombuffer(packed, np.uint8), np.fromfile(file, np.uint8)
    shared = min(a.size, b.size)
    return int((a[:shared] != b[:shared]).sum()) + abs(a.size - b.size)
