"""Stage ``measure``: size, latency and memory beside the dense model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

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
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.details.layers import describe_layers
from prunepack.stages.details.records import Details
from prunepack.stages.details.versions import list_versions
from prunepack.stages.metrics.metric import Metrics, metrics_to_json, write_json
from prunepack.stages.profiling.compaction import compaction_metrics
from prunepack.stages.profiling.model_pair import (
    ModelPair,
    measure_latency,
    measure_memory,
    measure_placement,
    measure_setup,
    measure_sparse,
)
from prunepack.stages.profiling.operators import graph_metrics, graph_metrics_of
from prunepack.stages.profiling.padding import check_padding
from prunepack.stages.profiling.sizes import (
    check_dense_size,
    checkpoint_size_metrics,
    file_size_metrics,
)
from prunepack.stages.profiling.timing import Plan
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.providers import Provider, choose_providers

__all__ = ["MeasureConfig", "measure"]


class MeasureConfig(Config):
    """Settings of the measurement of latency and memory."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA if it is available, else the CPU."
    )
    batch_sizes: tuple[int, ...] = Field((1, 32), description="Batch sizes to time.")
    repeats: int = Field(300, ge=10, description="Number of timed runs per model and batch size.")
    rounds: int = Field(6, ge=5, description="Rounds of timing; each opens each model twice.")
    seconds: float = Field(
        20.0, gt=0, description="Time limit in seconds for the runs at each batch size."
    )
    threads: int = Field(1, ge=1, description="Threads of onnxruntime, each on its own core.")
    sparse: bool = Field(
        default=True, description="Time the pruned model on sparse kernels too, if any layer gains."
    )
    seed: int = Field(0, ge=0, description="Seed of the random inputs and of the order of runs.")

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
    if dense_onnx:
        check_padding(dense_onnx)
    if masked and dense_onnx and onnx:
        check_dense_size(dense_onnx, onnx)
    metrics = checkpoint_size_metrics(dense, masked)
    metrics |= file_size_metrics(dense_onnx, onnx, artifact)
    metrics |= compaction_metrics(onnx)
    metrics |= _measure_sessions(config, dense_onnx, onnx, artifact)
    metrics |= graph_metrics(onnx.model) if onnx else _measure_packed_graph(artifact)
    digests = hash_release(onnx, artifact, dense, dense_onnx)
    details = _describe_release(dense_onnx, onnx, artifact)
    content = {
        "digests": digests,
        "host": host_name(),
        "details": details.model_dump(mode="json"),
        "metrics": metrics_to_json(metrics),
    }
    write_json(out / "measurements.json", content)
    return _summarize(metrics, next(iter(config.batch_sizes), None))


def _describe_release(
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> Details:
    """Return date, versions and layers for the pages of the report."""
    return Details(
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        versions=list_versions(),
        layers=() if onnx is None else describe_layers(dense_onnx, onnx, artifact),
    )


def _measure_packed_graph(artifact: PackedArtifact | None) -> Metrics:
    """Return the requirements of the model in an artifact."""
    assert artifact is not None, "there is an ONNX model or an artifact"
    with Artifact.open(artifact.file) as opened:
        return graph_metrics_of(opened.read_file(next(iter(opened.files))))


def _measure_sessions(
    config: MeasureConfig,
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> Metrics:
    """Measure placement of nodes, latency and peak memory of both models."""
    pair = _make_pair(config, dense_onnx, onnx, artifact)
    metrics, fixed = measure_setup(pair)
    metrics |= measure_placement(pair, fixed or 1)
    batches = list(config.batch_sizes if fixed is None else (fixed,) * bool(config.batch_sizes))
    if batches:
        plan = Plan(config.repeats, config.rounds, config.seconds, config.threads, config.seed)
        metrics |= measure_latency(pair, batches, plan) | measure_memory(pair, max(batches))
        metrics |= measure_sparse(pair, batches, plan) if config.sparse else {}
    return metrics


def _make_pair(
    config: MeasureConfig,
    dense_onnx: OnnxModel | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> ModelPair:
    graph = dense_onnx or onnx
    assert graph is not None, "one of the models is ONNX"
    return ModelPair(
        dense=None if dense_onnx is None else dense_onnx.model,
        pruned=artifact.file if artifact else graph.model if onnx is None else onnx.model,
        providers=tuple(choose_providers(config.provider, graph.model)),
        threads=config.threads,
        inputs=tuple(InputSpec.model_validate(spec) for spec in graph.interface["inputs"]),
        seed=config.seed,
    )


def _summarize(metrics: Metrics, batch: int | None) -> Facts:
    form = "artifact" if "size.artifact" in metrics else "onnx"
    size = int(metrics[f"size.{form}"].value)
    summary = f"{size:,} bytes"
    if "size.ratio" in metrics:
        summary += f", {metrics['size.ratio'].value:.2f}× smaller than dense ONNX"
    for kind, words in (("", ""), ("sparse.", " on sparse kernels")):
        ratio = metrics.get(f"latency.{kind}batch_{batch}.ratio")
        if ratio is not None:
            verdict = metrics[f"latency.{kind}batch_{batch}.verdict"].note.partition(":")[0]
            summary += f", latency {ratio.value:.2f}× dense ({verdict}){words}"
    return {"summary": summary, f"{form}_bytes": size}
