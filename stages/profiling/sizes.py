"""Sizes of the forms of a model, and of its files after ``zstd -19``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import note
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from prunepack.stages.contract.outputs import (
        Checkpoint,
        MaskedCheckpoint,
        OnnxModel,
        PackedArtifact,
    )

__all__ = ["check_dense_size", "checkpoint_size_metrics", "file_size_metrics", "zstd19_size"]

MOST_TIMES, GRAPH = 2, 1 << 16
"""Size of the dense ONNX file, in sizes of the pruned one, and bytes of a small graph. Masks keep
the shapes of all weights, so both files are almost equally large until dead parts are removed."""


def checkpoint_size_metrics(dense: Checkpoint | None, masked: MaskedCheckpoint | None) -> Metrics:
    """Return the sizes of the forms in torch."""
    files: dict[str, Path] = {}
    if dense is not None:
        files["state_dict"] = dense.path / "weights.safetensors"
    if masked is not None:
        files["masked_state_dict"] = masked.path / "masked.safetensors"
    return {f"size.{n}": Metric(file.stat().st_size, "bytes") for n, file in files.items()}


def check_dense_size(dense_onnx: OnnxModel, onnx: OnnxModel) -> None:
    """Refuse a dense ONNX model that is much larger than that of the same model with masks.

    Raises:
        RefusedError: If the ratio of sizes would say nothing about pruning.
    """
    size = int(onnx.interface.get("compact", {}).get("bytes", onnx.size))
    most = MOST_TIMES * size + GRAPH
    if dense_onnx.size > most:
        raise RefusedError(
            "the dense ONNX model is much larger than the pruned one before packing",
            expected=f"at most {most:,} bytes",
            found=f"{dense_onnx.size:,} bytes",
            hint="Export the dense model and the pruned one with the same settings",
        )


def file_size_metrics(
    dense_onnx: OnnxModel | None, onnx: OnnxModel | None, artifact: PackedArtifact | None
) -> Metrics:
    """Return the sizes of the files, and the ratios of the dense sizes to the file to deploy.

    That is the artifact. An ONNX file in its place is compared like with like: both after
    ``zstd -19``.
    """
    sizes = _measure_onnx_sizes({"dense_onnx": dense_onnx, "onnx": onnx})
    if artifact is not None:
        sizes["artifact"] = artifact.file.stat().st_size
    metrics = {f"size.{name}": Metric(size, "bytes") for name, size in sizes.items()}
    if dense_onnx is not None:
        last = "artifact" if artifact is not None else "onnx"
        for name, other in (("ratio", ""), ("ratio_zstd19", "_zstd19")):
            divisor = last if last == "artifact" else f"onnx{other}"
            note = f"{'zstd -19 of the ' if other else ''}dense ONNX / {divisor.partition('_')[0]}"
            value = sizes[f"dense_onnx{other}"] / sizes[divisor]
            metrics[f"size.{name}"] = Metric(value, "×", note=note)
    return metrics


def _measure_onnx_sizes(models: Mapping[str, OnnxModel | None]) -> dict[str, int]:
    """Return the size of each model, plain and after ``zstd -19``; each takes a thread."""
    present = {name: model for name, model in models.items() if model is not None}
    for name in present:
        note(f"zstd -19 of {name.replace('_', ' ')}, for comparison")
    with ThreadPoolExecutor() as pool:
        parts = [list(model.parts.values()) for model in present.values()]
        packed = dict(zip(present, pool.map(zstd19_size, parts), strict=True))
    sizes = {name: (model.size, packed[name]) for name, model in present.items()}
    return {
        f"{name}{form}": size
        for name, pair in sizes.items()
        for form, size in zip(("", "_zstd19"), pair, strict=True)
    }


def zstd19_size(files: Iterable[Path]) -> int:
    """Return the size of ``files`` after ``zstd -19``, the usual way to compress a model."""
    import zstandard

    total = 0
    for file in files:
        compressor = zstandard.ZstdCompressor(level=19).compressobj(size=file.stat().st_size)
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total += len(compressor.compress(block))
        total += len(compressor.flush())
    return total
