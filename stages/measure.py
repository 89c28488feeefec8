"""Stage ``measure``: size, latency and memory beside the dense model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import (
    Checkpoint,
    MaskedCheckpoint,
    Measurements,
    OnnxModel,
    PackedArtifact,
    hash_release,
)
from prunepack.stages.contract.progress import note
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.metrics.metric import Metric, Metrics, metrics_to_json, write_json
from prunepack.stages.profiling.latency import latency_metrics
from prunepack.stages.profiling.memory import memory_metrics, peak_memory
from prunepack.stages.profiling.operators import graph_metrics
from prunepack.stages.profiling.timing import Plan, time_side_by_side
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.placement import (
    count_nodes_by_provider,
    placement_metrics,
    tf32_metric,
)
from prunepack.stages.runtime.sessions import (
    Provider,
    choose_providers,
    count_mismatches,
    find_fixed_batch,
    open_artifact_session,
    open_onnx_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.runtime.sessions import Session

__all__ = ["MeasureConfig", "measure", "zstd19_size"]


class MeasureConfig(Config):
    """Settings of the measurement of latency and memory."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA if it is available, else the CPU."
    )
    batch_sizes: tuple[int, ...] = Field((1, 32), description="Batch sizes to time.")
    repeats: int = Field(300, ge=10, description="Timed runs per model and batch size.")
    rounds: int = Field(6, ge=5, description="Rounds of timing; each opens both models twice.")
    seconds: float = Field(
        20.0, gt=0, description="Time limit in seconds for the runs of a batch size."
    )
    threads: int = Field(1, ge=1, description="Threads of onnxruntime, each on a core of its own.")
    seed: int = Field(0, ge=0, description="Seed of the random inputs and of the resampling.")

    @field_validator("batch_sizes")
    @classmethod
    def _positive(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size < 1 for size in sizes):
            raise ValueError(f"a batch has at least 1 sample, found {min(sizes)}")
        return sizes


@stage(
    produces=Measurements,
    tools=("onnx", "onnxruntime", "zstandard", "numpy", "scipy"),
    host_bound=True,
)
def measure(
    config: MeasureConfig,
    out: Path,
    dense: Checkpoint,
    masked: MaskedCheckpoint,
    dense_onnx: OnnxModel,
    onnx: OnnxModel,
    artifact: PackedArtifact,
) -> Facts:
    """Measure the size of every form, and latency and memory of the artifact beside dense ONNX."""
    metrics = _measure_sizes(dense, masked, dense_onnx, onnx, artifact)
    metrics |= _measure_sessions(config, dense_onnx, artifact) | graph_metrics(onnx.model)
    digests = hash_release(onnx, artifact)
    content = {"digests": digests, "host": host_name(), "metrics": metrics_to_json(metrics)}
    write_json(out / "measurements.json", content)
    return _summarize(metrics, next(iter(config.batch_sizes), None))


def _measure_sizes(
    dense: Checkpoint,
    masked: MaskedCheckpoint,
    dense_onnx: OnnxModel,
    onnx: OnnxModel,
    artifact: PackedArtifact,
) -> Metrics:
    """Return the size of each form, and the ratios of the dense sizes to the artifact's."""
    packed = artifact.file.stat().st_size
    zstd = zstd19_size(sorted(dense_onnx.path.glob("model.onnx*")))
    sizes = {
        "state_dict": (dense.path / "weights.safetensors").stat().st_size,
        "masked_state_dict": (masked.path / "masked.safetensors").stat().st_size,
        "dense_onnx": dense_onnx.size,
        "dense_onnx_zstd19": zstd,
        "onnx": onnx.size,
        "artifact": packed,
    }
    metrics = {f"size.{name}": Metric(size, "bytes") for name, size in sizes.items()}
    metrics["size.ratio"] = Metric(dense_onnx.size / packed, "×", note="dense ONNX / artifact")
    metrics["size.ratio_zstd19"] = Metric(
        zstd / packed, "×", note="zstd -19 of the dense ONNX / artifact"
    )
    return metrics


def zstd19_size(files: Iterable[Path]) -> int:
    """Return the size of ``files`` after ``zstd -19``, the usual way to compress a model."""
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


@dataclass(frozen=True, slots=True)
class _Pair:
    """The dense and the pruned model, their inputs and the settings of their sessions."""

    dense: Path
    pruned: Path
    providers: tuple[str, ...]
    threads: int
    inputs: tuple[InputSpec, ...]
    seed: int

    def draw_inputs(self, batch: int) -> Arrays:
        """Return seeded random inputs for a batch."""
        return random_inputs(self.inputs, batch, self.seed)

    def open_dense(self, profile: Path | None = None) -> Session:
        """Open a session on the dense ONNX model."""
        return open_onnx_session(self.dense, self.providers, self.threads, profile)

    def open_pruned(self, profile: Path | None = None) -> Session:
        """Open a session on the artifact."""
        return open_artifact_session(self.pruned, self.providers, self.threads, profile)


def _measure_sessions(
    config: MeasureConfig, dense_onnx: OnnxModel, artifact: PackedArtifact
) -> Metrics:
    """Measure placement of nodes, latency and peak memory of both models."""
    pair = _Pair(
        dense=dense_onnx.model,
        pruned=artifact.file,
        providers=tuple(choose_providers(config.provider, dense_onnx.model)),
        threads=config.threads,
        inputs=tuple(InputSpec.model_validate(spec) for spec in dense_onnx.interface["inputs"]),
        seed=config.seed,
    )
    dense, pruned = pair.open_dense(), pair.open_pruned()
    wrong, providers = count_mismatches(pair.providers, dense, pruned)
    fixed = find_fixed_batch(dense) or find_fixed_batch(pruned)
    batches = [size for size in config.batch_sizes if fixed in {None, size}]
    metrics: Metrics = {
        "latency.provider_mismatches": Metric(wrong, "sessions", note=providers),
        "runtime.tf32": tf32_metric(pruned.get_provider_options()),
    }
    del dense, pruned
    metrics |= _measure_placement(pair, fixed or 1)
    if batches:
        metrics |= _measure_latency(config, pair, batches) | _measure_memory(pair, max(batches))
    return metrics


def _measure_placement(pair: _Pair, batch: int) -> Metrics:
    arrays = pair.draw_inputs(batch)
    openers = {"dense": pair.open_dense, "pruned": pair.open_pruned}
    placed = {name: count_nodes_by_provider(opener, arrays) for name, opener in openers.items()}
    return placement_metrics(pair.providers[0], placed)


def _measure_latency(config: MeasureConfig, pair: _Pair, batches: list[int]) -> Metrics:
    plan = Plan(config.repeats, config.rounds, config.seconds, config.threads, config.seed)
    inputs = {batch: pair.draw_inputs(batch) for batch in batches}
    timed = time_side_by_side(pair.open_dense, pair.open_pruned, inputs, plan)
    threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
    cores = f"pinned to core {', '.join(map(str, timed.cores))}" if timed.cores else "not pinned"
    where = f"{pair.providers[0]}, {threads} {cores}, {host_name()}"
    metrics = latency_metrics("session", timed.opening, where, config.seed)
    for batch, times in timed.runs.items():
        metrics |= latency_metrics(f"batch_{batch}", times, where, config.seed, batch)
        metrics[f"latency.batch_{batch}.preempted"] = _describe_preemptions(timed.preempted[batch])
    return metrics


def _describe_preemptions(count: float) -> Metric:
    is_known = not math.isnan(count)
    note = "preempted runs are repeated" if is_known else "this system does not count preemptions"
    return Metric(count, "per 100 runs", note=note)


def _measure_memory(pair: _Pair, batch: int) -> Metrics:
    note(f"measuring peak memory with a batch of {batch}, each model in its own process")
    arrays = pair.draw_inputs(batch)
    measure_peak = partial(
        peak_memory, inputs=arrays, providers=pair.providers, threads=pair.threads
    )
    return memory_metrics(measure_peak(pair.dense), measure_peak(pair.pruned), batch)


def _summarize(metrics: Metrics, batch: int | None) -> Facts:
    size = metrics["size.artifact"].value
    summary = f"{size:,.0f} bytes, {metrics['size.ratio'].value:.2f}× smaller than dense ONNX"
    ratio = metrics.get(f"latency.batch_{batch}.ratio")
    if ratio is not None:
        verdict = metrics[f"latency.batch_{batch}.verdict"].note.partition(":")[0]
        summary += f", latency {ratio.value:.2f}× dense ({verdict})"
    return {"summary": summary, "artifact_bytes": int(size)}
