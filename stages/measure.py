"""Measure size and latency, side by side with the dense model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from stages.artifacts import (
    Checkpoint,
    MaskedCheckpoint,
    Measurements,
    OnnxModel,
    Package,
    digests_of,
)
from stages.checkpoints import InputSpec
from stages.contract import Config, Facts, stage
from stages.host import host_name
from stages.latency import compare_latency
from stages.metrics import Metric, Metrics, metrics_to_json, write_json
from stages.progress import note
from stages.samples import noise
from stages.sessions import (
    Provider,
    artifact_session,
    fixed_batch,
    mismatches,
    onnx_session,
    providers_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MeasureConfig", "measure", "zstd19_size"]


class MeasureConfig(Config):
    """How latency is measured."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA where it works, else the CPU."
    )
    batch_sizes: tuple[int, ...] = Field((1, 32), description="Batch sizes to time.")
    repeats: int = Field(300, ge=10, description="Timed runs of each model and batch size.")
    threads: int = Field(1, ge=1, description="Threads that onnxruntime may use.")
    seed: int = Field(0, ge=0, description="Seed of the inputs and of the resampling.")

    @field_validator("batch_sizes")
    @classmethod
    def _positive(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size < 1 for size in sizes):
            raise ValueError(f"a batch has 1 sample or more, found {min(sizes)}")
        return sizes


@stage(produces=Measurements, tools=("onnxruntime", "zstandard", "numpy"), host_bound=True)
def measure(
    config: MeasureConfig,
    out: Path,
    dense: Checkpoint,
    masked: MaskedCheckpoint,
    dense_onnx: OnnxModel,
    onnx: OnnxModel,
    package: Package,
) -> Facts:
    """Weigh every form of the model and time the packed one against the dense one."""
    metrics = _sizes(dense, masked, dense_onnx, onnx, package)
    metrics |= _latencies(config, dense_onnx, package)
    digests = digests_of(onnx, package)
    content = {"digests": digests, "host": host_name(), "metrics": metrics_to_json(metrics)}
    write_json(out / "measurements.json", content)
    return _facts(metrics, next(iter(config.batch_sizes), None))


def _sizes(
    dense: Checkpoint,
    masked: MaskedCheckpoint,
    dense_onnx: OnnxModel,
    onnx: OnnxModel,
    package: Package,
) -> Metrics:
    """Return bytes of each form, and how often the artifact goes into the dense ones."""
    artifact = package.file.stat().st_size
    zstd = zstd19_size(sorted(dense_onnx.path.glob("model.onnx*")))
    sizes = {
        "state_dict": (dense.path / "weights.safetensors").stat().st_size,
        "masked_state_dict": (masked.path / "masked.safetensors").stat().st_size,
        "dense_onnx": dense_onnx.size,
        "dense_onnx_zstd19": zstd,
        "onnx": onnx.size,
        "artifact": artifact,
    }
    metrics = {f"size.{name}": Metric(size, "bytes") for name, size in sizes.items()}
    metrics["size.ratio"] = Metric(dense_onnx.size / artifact, "×", note="dense ONNX / artifact")
    metrics["size.ratio_zstd19"] = Metric(
        zstd / artifact, "×", note="zstd -19 of the dense ONNX / artifact"
    )
    return metrics


def zstd19_size(files: Iterable[Path]) -> int:
    """Return the bytes that ``zstd -19`` makes of ``files``: what a user would have otherwise."""
    import zstandard

    total = 0
    for file in files:
        note(f"zstd -19 of {file.name}, for comparison")
        compressor = zstandard.ZstdCompressor(level=19).compressobj(size=file.stat().st_size)
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total += len(compressor.compress(block))
        total += len(compressor.flush())
    return total


def _latencies(config: MeasureConfig, dense_onnx: OnnxModel, package: Package) -> Metrics:
    providers = providers_for(config.provider, dense_onnx.model)
    dense = onnx_session(dense_onnx.model, providers, config.threads)
    pruned = artifact_session(package.file, providers, config.threads)
    wrong, got = mismatches(providers, dense, pruned)
    fixed = fixed_batch(dense) or fixed_batch(pruned)
    inputs = [InputSpec.model_validate(one) for one in dense_onnx.interface["inputs"]]
    threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
    where = f"{providers[0]}, {threads}, {host_name()}"
    metrics: Metrics = {"latency.provider_mismatches": Metric(wrong, "sessions", note=got)}
    for batch in [size for size in config.batch_sizes if fixed in {None, size}]:
        arrays = noise(inputs, batch, config.seed)
        found = compare_latency(dense, pruned, arrays, config.repeats, config.seed)
        name = f"latency.batch_{batch}"
        metrics[f"{name}.dense"] = Metric(found.dense, "ms", note=where)
        metrics[f"{name}.pruned"] = Metric(found.pruned, "ms", note=where)
        metrics[f"{name}.ratio"] = Metric(
            found.ratio, "×", low=found.low, high=found.high, note="pruned / dense"
        )
    return metrics


def _facts(metrics: Metrics, batch: int | None) -> Facts:
    size = metrics["size.artifact"].value
    summary = f"{size:,.0f} bytes, {metrics['size.ratio'].value:.2f}× smaller than dense ONNX"
    ratio = metrics.get(f"latency.batch_{batch}.ratio")
    if ratio is not None:
        summary += f", latency {ratio.value:.2f}× dense"
    return {"summary": summary, "artifact_bytes": int(size)}
