"""Pack stage: packs the exported model into one small file, losslessly."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from prunepack.coding.levels import LEVEL_HELP, LevelName
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
from prunepack.stages.contract.stage import Config, Facts, stage

__all__ = ["PackConfig", "pack"]


class PackConfig(Config):
    """The level of packing; every level is lossless."""

    level: LevelName = Field("small", description=LEVEL_HELP)


@stage(produces=PackedArtifact, tools=("numpy", "pcodec", "zstandard"))
def pack(config: PackConfig, out: Path, onnx: OnnxModel) -> Facts:
    """Write ``model.prunepack``; unpacking restores the exported files byte for byte."""
    from prunepack.packing import pack as pack_file

    summary = pack_file(onnx.model, out / "model.prunepack", level=config.level)
    ratio = summary.source_bytes / summary.artifact_bytes
    return {
        "summary": f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)",
        "bytes": summary.artifact_bytes,
    }
