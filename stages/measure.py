"""Stage ``measure``: size, latency and memory beside the dense model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from prunepack.reading.artifact import Artifact
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
from prunepack.stages.profiling.operators import graph_metrics, graph_metrics_of
from prunepack.stages.profiling.sizes import checkpoint_size_metrics, file_size_metrics
from prunepack.stages.profiling.timing import Plan, time_side_by_side
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.placement import (
    count_nodes_by_provider,
    placement_metrics,
    tf32_metric,
)
from prunepack.stages.runtime.providers import Provider, choose_providers, count_mismatches
from prunepack.stages.runtime.sessions import (
    find_fixed_batch,
    open_artifact_session,
    open_onnx_session,
)

if TYPE_CHECKING:
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.runtime.sessions import Session

__all__ = ["MeasureConfig", "measure"]


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
    dense: Checkpoint | None,
    masked: MaskedCheckpoint | None,
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> Facts:
    """Measure the size of every form, and latency and memory of the artifact beside dense ONNX.

    Without an artifact the pruned ONNX is measured in its place; without a dense model, there is
    nothing beside it.
    """
    metrics = checkpoint_size_metrics(dense, masked)
    metrics |= file_size_metrics(dense_onnx, onnx, artifact)
    metrics |= _measure_sessions(config, dense_onnx, onnx, artifact)
    metrics |= graph_metrics(onnx.model) if onnx else _measure_packed_graph(artifact)
    digests = hash_release(onnx, artifact)
    content = {"digests": digests, "host": host_name(), "metrics": metrics_to_json(metrics)}
    write_json(out / "measurements.json", content)
    return _summarize(metrics, next(iter(config.batch_sizes), None))


def _measure_packed_graph(artifact: PackedArtifact | None) -> Metrics:
    """Return the requirements of the model in an artifact."""
    assert artifact is not None, "there is an ONNX model or an artifact"
    with Artifact.open(artifact.file) as opened:
        return graph_metrics_of(opened.read_file(next(iter(opened.files))))


@dataclass(frozen=True, slots=True)
class _Pair:
    """The dense and the pruned model, their inputs and the settings of their sessions."""

    dense: Path | None
    pruned: Path
    providers: tuple[str, ...]
    threads: int
    inputs: tuple[InputSpec, ...]
    seed: int

    @property
    def models(self) -> dict[str, Path]:
        """The models by their names in metrics."""
        return (
            {"dense": self.dense, "pruned": self.pruned} if self.dense else {"pruned": self.pruned}
        )

    def draw_inputs(self, batch: int) -> Arrays:
        """Return seeded random inputs for a batch."""
        return random_inputs(self.inputs, batch, self.seed)

    def open(self, name: str, profile: Path | None = None) -> Session:
        """Open a session on one of the models."""
        model = self.models[name]
        opener = open_onnx_session if model.suffix == ".onnx" else open_artifact_session
        return opener(model, self.providers, self.threads, profile)


def _measure_sessions(
    config: MeasureConfig,
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> Metrics:
    """Measure placement of nodes, latency and peak memory of both models."""
    graph = dense_onnx or onnx
    assert graph is not None, "one of the models is ONNX"
    pair = _Pair(
        dense=None if dense_onnx is None else dense_onnx.model,
        pruned=artifact.file if artifact else graph.model if onnx is None else onnx.model,
        providers=tuple(choose_providers(config.provider, graph.model)),
        threads=config.threads,
        inputs=tuple(InputSpec.model_validate(spec) for spec in graph.interface["inputs"]),
        seed=config.seed,
    )
    sessions = {name: pair.open(name) for name in pair.models}
    wrong, providers = count_mismatches(pair.providers, *sessions.values())
    fixed = next(filter(None, map(find_fixed_batch, sessions.values())), None)
    batches = [size for size in config.batch_sizes if fixed in {None, size}]
    metrics: Metrics = {
        "latency.provider_mismatches": Metric(wrong, "sessions", note=providers),
        "runtime.tf32": tf32_metric(sessions["pruned"].get_provider_options()),
    }
    del sessions
    metrics |= _measure_placement(pair, fixed or 1)
    if batches:
        metrics |= _measure_latency(config, pair, batches) | _measure_memory(pair, max(batches))
    return metrics


def _measure_placement(pair: _Pair, batch: int) -> Metrics:
    arrays = pair.draw_inputs(batch)
    placed = {
        name: count_nodes_by_provider(partial(pair.open, name), arrays) for name in pair.models
    }
    return placement_metrics(pair.providers[0], placed)


def _measure_latency(config: MeasureConfig, pair: _Pair, batches: list[int]) -> Metrics:
    plan = Plan(config.repeats, config.rounds, config.seconds, config.threads, config.seed)
    inputs = {batch: pair.draw_inputs(batch) for batch in batches}
    beside = "dense" if pair.dense else "pruned"
    openers = (partial(pair.open, beside), partial(pair.open, "pruned"))
    timed = time_side_by_side(*openers, inputs, plan)
    threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
    cores = f"pinned to core {', '.join(map(str, timed.cores))}" if timed.cores else "not pinned"
    where = f"{pair.providers[0]}, {threads} {cores}, {host_name()}"
    metrics = latency_metrics("session", timed.opening, where, config.seed)
    for batch, times in timed.runs.items():
        metrics |= latency_metrics(f"batch_{batch}", times, where, config.seed, batch)
        metrics[f"latency.batch_{batch}.preempted"] = _describe_preemptions(timed.preempted[batch])
    return metrics if pair.dense else _leave_out_dense(metrics)


def _leave_out_dense(metrics: Metrics) -> Metrics:
    """Leave out what the pruned model, timed beside itself, says about a dense one."""
    names = ("dense", "ratio", "verdict")
    return {
        n: metric for n, metric in metrics.items() if not n.rpartition(".")[2].startswith(names)
    }


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
    metrics = memory_metrics(
        measure_peak(pair.dense or pair.pruned), measure_peak(pair.pruned), batch
    )
    return metrics if pair.dense else _leave_out_dense(metrics)


def _summarize(metrics: Metrics, batch: int | None) -> Facts:
    form = "artifact" if "size.artifact" in metrics else "onnx"
    size = int(metrics[f"size.{form}"].value)
    summary = f"{size:,} bytes"
    if "size.ratio" in metrics:
        summary += f", {metrics['size.ratio'].value:.2f}× smaller than dense ONNX"
    ratio = metrics.get(f"latency.batch_{batch}.ratio")
    if ratio is not None:
        verdict = metrics[f"latency.batch_{batch}.verdict"].note.partition(":")[0]
        summary += f", latency {ratio.value:.2f}× dense ({verdict})"
    return {"summary": summary, f"{form}_bytes": size}
