"""Measure size and latency, side by side with the dense model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    artifact_session,
    count_mismatches,
    fixed_batch,
    onnx_session,
    providers_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[Any]]

__all__ = ["MeasureConfig", "measure", "zstd19_size"]


class MeasureConfig(Config):
    """How latency and memory are measured."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA where it works, else the CPU."
    )
    batch_sizes: tuple[int, ...] = Field((1, 32), description="Batch sizes to time.")
    repeats: int = Field(300, ge=10, description="Timed runs of each model and batch size.")
    rounds: int = Field(
        6, ge=5, description="Rounds of timing; in each, both models are opened anew twice."
    )
    seconds: float = Field(
        20.0, gt=0, description="Time for the runs of a batch size; fewer are made if it is short."
    )
    threads: int = Field(1, ge=1, description="Threads that onnxruntime may use, and their cores.")
    seed: int = Field(0, ge=0, description="Seed of the inputs and of the resampling.")

    @field_validator("batch_sizes")
    @classmethod
    def _positive(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(size < 1 for size in sizes):
            raise ValueError(f"a batch has 1 sample or more, found {min(sizes)}")
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
    """Weigh every form of the model and time the packed one against the dense one."""
    metrics = _sizes(dense, masked, dense_onnx, onnx, artifact)
    metrics |= _runtime(config, dense_onnx, artifact) | graph_metrics(onnx.model)
    digests = hash_release(onnx, artifact)
    content = {"digests": digests, "host": host_name(), "metrics": metrics_to_json(metrics)}
    write_json(out / "measurements.json", content)
    return _facts(metrics, next(iter(config.batch_sizes), None))


def _sizes(
    dense: Checkpoint,
    masked: MaskedCheckpoint,
    dense_onnx: OnnxModel,
    onnx: OnnxModel,
    artifact: PackedArtifact,
) -> Metrics:
    """Return bytes of each form, and how often the artifact goes into the dense ones."""
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


@dataclass(frozen=True, slots=True)
class _Programs:
    """The two files that are run beside each other, and on what."""

    dense: Path
    pruned: Path
    providers: tuple[str, ...]
    threads: int
    inputs: tuple[InputSpec, ...]
    seed: int

    def arrays(self, batch: int) -> Arrays:
        """Return seeded noise for a batch."""
        return random_inputs(self.inputs, batch, self.seed)

    def open_dense(self, profile: Path | None = None) -> Any:
        """Open a session of the dense ONNX model."""
        return onnx_session(self.dense, self.providers, self.threads, profile)

    def open_pruned(self, profile: Path | None = None) -> Any:
        """Open a session of the packed model."""
        return artifact_session(self.pruned, self.providers, self.threads, profile)


def _runtime(config: MeasureConfig, dense_onnx: OnnxModel, artifact: PackedArtifact) -> Metrics:
    """Run both models: where their nodes run, how long they take, what memory they need."""
    programs = _Programs(
        dense=dense_onnx.model,
        pruned=artifact.file,
        providers=tuple(providers_for(config.provider, dense_onnx.model)),
        threads=config.threads,
        inputs=tuple(InputSpec.model_validate(one) for one in dense_onnx.interface["inputs"]),
        seed=config.seed,
    )
    dense, pruned = programs.open_dense(), programs.open_pruned()
    wrong, got = count_mismatches(programs.providers, dense, pruned)
    fixed = fixed_batch(dense) or fixed_batch(pruned)
    batches = [size for size in config.batch_sizes if fixed in {None, size}]
    metrics: Metrics = {
        "latency.provider_mismatches": Metric(wrong, "sessions", note=got),
        "runtime.tf32": tf32_metric(pruned.get_provider_options()),
    }
    del dense, pruned
    metrics |= _placement(programs, fixed or 1)
    if batches:
        metrics |= _latencies(config, programs, batches) | _memory(programs, max(batches))
    return metrics


def _placement(programs: _Programs, batch: int) -> Metrics:
    arrays = programs.arrays(batch)
    openers = {"dense": programs.open_dense, "pruned": programs.open_pruned}
    placed = {name: count_nodes_by_provider(opener, arrays) for name, opener in openers.items()}
    return placement_metrics(programs.providers[0], placed)


def _latencies(config: MeasureConfig, programs: _Programs, batches: list[int]) -> Metrics:
    plan = Plan(config.repeats, config.rounds, config.seconds, config.threads, config.seed)
    inputs = {batch: programs.arrays(batch) for batch in batches}
    timed = time_side_by_side(programs.open_dense, programs.open_pruned, inputs, plan)
    threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
    cores = f"pinned to core {', '.join(map(str, timed.cores))}" if timed.cores else "not pinned"
    where = f"{programs.providers[0]}, {threads} {cores}, {host_name()}"
    metrics = latency_metrics("session", timed.opening, where, config.seed)
    for batch, times in timed.runs.items():
        metrics |= latency_metrics(f"batch_{batch}", times, where, config.seed, batch)
        lost = Metric(
            timed.preempted[batch], "per 100 runs", note="core taken away; such runs are made again"
        )
        metrics[f"latency.batch_{batch}.preempted"] = lost
    return metrics


def _memory(programs: _Programs, batch: int) -> Metrics:
    note(f"peak memory on a batch of {batch}, in processes of their own")
    arrays = programs.arrays(batch)
    of = partial(peak_memory, inputs=arrays, providers=programs.providers, threads=programs.threads)
    return memory_metrics(of(programs.dense), of(programs.pruned), batch)


def _facts(metrics: Metrics, batch: int | None) -> Facts:
    size = metrics["size.artifact"].value
    summary = f"{size:,.0f} bytes, {metrics['size.ratio'].value:.2f}× smaller than dense ONNX"
    ratio = metrics.get(f"latency.batch_{batch}.ratio")
    if ratio is not None:
        verdict = metrics[f"latency.batch_{batch}.verdict"].note.partition(":")[0]
        summary += f", latency {ratio.value:.2f}× dense ({verdict})"
    return {"summary": summary, "artifact_bytes": int(size)}
