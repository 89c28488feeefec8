"""Dense and pruned model side by side: placement of nodes, latency and peak memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from prunepack.sparse.layers import list_sparse_layers
from prunepack.stages.contract.progress import note
from prunepack.stages.data.input_values import is_batched, list_batch_axes
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.profiling.latency import latency_metrics
from prunepack.stages.profiling.memory import memory_metrics, peak_memory
from prunepack.stages.profiling.timing import time_side_by_side
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.placement import (
    count_nodes_by_provider,
    placement_metrics,
    tf32_metric,
)
from prunepack.stages.runtime.providers import count_mismatches
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import (
    find_fixed_batch,
    open_artifact_session,
    open_onnx_session,
    open_sparse_session,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from prunepack.runtime.ort_types import Session as OrtSession
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.model_spec import InputSpec
    from prunepack.stages.profiling.timing import Plan
    from prunepack.stages.runtime.sessions import Session


__all__ = [
    "ModelPair",
    "measure_latency",
    "measure_memory",
    "measure_placement",
    "measure_setup",
    "measure_sparse",
]


@dataclass(frozen=True, slots=True)
class ModelPair:
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

    def open_sparse(self) -> Session:
        """Open a session on the pruned model, with sparse kernels where they are faster."""
        return open_sparse_session(self.pruned, self.threads)

    def open(self, name: str, profile: Path | None = None) -> Session:
        """Open a session on one of the models."""
        model = self.models[name]
        opener = open_onnx_session if model.suffix == ".onnx" else open_artifact_session
        return opener(model, self.providers, self.threads, profile)


def measure_setup(pair: ModelPair) -> tuple[Metrics, int | None]:
    """Open the models once; return the metrics of their sessions and their fixed batch size."""
    sessions = {name: pair.open(name) for name in pair.models}
    wrong, providers = count_mismatches(pair.providers, *sessions.values())
    metrics: Metrics = {
        "latency.provider_mismatches": Metric(wrong, "sessions", note=providers),
        "runtime.tf32": tf32_metric(sessions["pruned"].get_provider_options()),
    }
    if not is_batched(pair.inputs):
        return metrics, 1
    axes = list_batch_axes(pair.inputs)
    sizes = (find_fixed_batch(session, axes) for session in sessions.values())
    return metrics, next(filter(None, sizes), None)


def measure_placement(pair: ModelPair, batch: int) -> Metrics:
    """Count the nodes of the models by execution provider."""
    arrays = pair.draw_inputs(batch)
    placed = {
        name: count_nodes_by_provider(partial(pair.open, name), arrays) for name in pair.models
    }
    return placement_metrics(pair.providers[0], placed)


def measure_latency(pair: ModelPair, batches: Iterable[int], plan: Plan) -> Metrics:
    """Time both models side by side: opening a session, and a run per batch size."""
    return _time_pair(pair, partial(pair.open, "pruned"), batches, plan)


def measure_sparse(pair: ModelPair, batches: Iterable[int], plan: Plan) -> Metrics:
    """Time the pruned model on sparse kernels beside the dense model in stock onnxruntime.

    Nothing is timed if no layer of the pruned model would run on them, or not on the CPU.
    """
    if pair.providers != (CPU,):
        return {}
    layers = list_sparse_layers(cast("OrtSession", pair.open_sparse()))
    count = sum(layer.is_sparse for layer in layers)
    note = f"of {len(layers)} with constant weights, by the estimates of this machine"
    metrics: Metrics = {"runtime.sparse_layers": Metric(count, "layers", note=note)}
    if count:
        metrics |= _time_pair(pair, pair.open_sparse, batches, plan, "sparse.")
    return metrics


def _time_pair(
    pair: ModelPair,
    pruned: Callable[[], Session],
    batches: Iterable[int],
    plan: Plan,
    kind: str = "",
) -> Metrics:
    """Time ``pruned`` beside the dense model, or beside the pruned one where there is none."""
    inputs = {batch: pair.draw_inputs(batch) for batch in batches}
    beside = partial(pair.open, "dense" if pair.dense else "pruned")
    timed = time_side_by_side(beside, pruned, inputs, plan)
    threads = f"{plan.threads} thread{'s' if plan.threads > 1 else ''}"
    cores = f"pinned to core {', '.join(map(str, timed.cores))}" if timed.cores else "not pinned"
    where = f"{pair.providers[0]}, {threads} {cores}, {host_name()}"
    metrics = latency_metrics(f"{kind}session", timed.opening, where)
    for batch, times in timed.runs.items():
        name = f"{kind}batch_{batch}"
        metrics |= latency_metrics(name, times, where, batch)
        metrics[f"latency.{name}.preempted"] = _describe_preemptions(timed.preempted[batch])
    return metrics if pair.dense else _leave_out_dense(metrics)


def _leave_out_dense(metrics: Metrics) -> Metrics:
    """Leave out the metrics of the dense model, for a pruned model timed beside itself."""
    names = ("dense", "ratio", "verdict")
    return {
        n: metric for n, metric in metrics.items() if not n.rpartition(".")[2].startswith(names)
    }


def _describe_preemptions(count: float) -> Metric:
    is_known = not math.isnan(count)
    note = "preempted runs are repeated" if is_known else "this system does not count preemptions"
    return Metric(count, "per 100 runs", note=note)


def measure_memory(pair: ModelPair, batch: int) -> Metrics:
    """Measure the peak memory of each model with one batch, in a process of its own."""
    note(f"measuring peak memory with a batch of {batch}, each model in its own process")
    arrays = pair.draw_inputs(batch)
    measure_peak = partial(
        peak_memory, inputs=arrays, providers=pair.providers, threads=pair.threads
    )
    metrics = memory_metrics(
        measure_peak(pair.dense or pair.pruned), measure_peak(pair.pruned), batch
    )
    return metrics if pair.dense else _leave_out_dense(metrics)
