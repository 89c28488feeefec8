"""Pack the exported model into one small file, losslessly."""

from __future__ import annotations

from pathlib import Path

from stages.artifacts import OnnxModel, Package
from stages.contract import Config, Facts, stage

__all__ = ["PackConfig", "pack"]


class PackConfig(Config):
    """Nothing to choose yet: the smallest lossless coding is found for each tensor."""


@stage(produces=Package, tools=("numpy", "pcodec", "zstandard"))
def pack(config: PackConfig, out: Path, onnx: OnnxModel) -> Facts:  # noqa: ARG001 -- no choices
    """Write ``model.prunepack``, from which the exported files come back byte for byte."""
    from prunepack.packing import pack as pack_file

    summary = pack_file(onnx.model, out / "model.prunepack")
    ratio = summary.source_bytes / summary.artifact_bytes
    return {
        "summary": f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)",
        "bytes": summary.artifact_bytes,
    }
