"""Pack stage: packs the exported model into one small file, losslessly."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from prunepack.coding.levels import LEVEL_HELP, LevelName
from prunepack.stages.contract.outputs import OnnxModel, PackedArtifact
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Config, Facts, stage

__all__ = ["PackConfig", "pack", "pack_model"]


class PackConfig(Config):
    """The level of packing; every level is lossless."""

    level: LevelName = Field("small", description=LEVEL_HELP)
    allow_slow: bool = Field(
        False,
        description="Allow `max` for a model of more than 1 MiB without the compiled extension, "
        "which takes minutes.",
    )


@stage(produces=PackedArtifact, tools=("numpy", "pcodec", "zstandard"))
def pack(config: PackConfig, out: Path, onnx: OnnxModel) -> Facts:
    """Write ``model.prunepack``; unpacking restores the exported files byte for byte."""
    return pack_model(config, onnx.model, out / "model.prunepack")


def pack_model(config: PackConfig, model: Path, artifact: Path, **settings: Any) -> Facts:
    """Pack the file ``model`` into the file ``artifact``, as the stage and its command do.

    Args:
        config: The config of the stage.
        model: An ONNX model or a safetensors checkpoint.
        artifact: The file to write.
        **settings: ``threads``, ``force`` and ``progress``, as of :func:`prunepack.pack`.
    """
    from prunepack.coding.near_zeros import NearZeros, describe_near_zeros
    from prunepack.packing import pack as pack_file

    summary = pack_file(
        model, artifact, level=config.level, allow_slow=config.allow_slow, **settings
    )
    near_zeros = NearZeros(summary.negative_zeros, summary.denormals)
    if text := describe_near_zeros(near_zeros, summary.elements):
        remark(text)
    ratio = summary.source_bytes / summary.artifact_bytes
    sizes = f"{summary.source_bytes:,} → {summary.artifact_bytes:,} bytes ({ratio:.2f}×)"
    return {"summary": sizes, **asdict(summary)}
