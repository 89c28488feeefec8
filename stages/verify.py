"""Comparison of the forms of a model on the same inputs, and accuracy on labelled samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.comparison.consistency import measure_consistency
from prunepack.stages.comparison.forms import ModelForms
from prunepack.stages.comparison.precision import PreciseForm
from prunepack.stages.comparison.sparse.kernels import SparseComparison
from prunepack.stages.comparison.stress import compare_stress
from prunepack.stages.comparison.tolerances import check_rules
from prunepack.stages.contract.outputs import (
    Checkpoint,
    OnnxModel,
    PackedArtifact,
    ParityResult,
    hash_release,
)
from prunepack.stages.contract.progress import note, track
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.data.audit import audit_samples
from prunepack.stages.data.input_values import is_batched, limit_batch
from prunepack.stages.data.user_samples import SampleSource, collect_samples
from prunepack.stages.evaluation.evaluation import describe_missing_labels
from prunepack.stages.evaluation.named import COSINE
from prunepack.stages.evaluation.results import Results
from prunepack.stages.evaluation.settings import VerifyConfig
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.inputs.axes import find_dynamic_axes
from prunepack.stages.inputs.batches import random_batches, sample_batches
from prunepack.stages.inputs.stress_inputs import StressLimits, stress_batches, stress_metrics
from prunepack.stages.inputs.thresholds import find_thresholds
from prunepack.stages.inputs.usual import UsualInputs
from prunepack.stages.metrics.metric import Metrics, metrics_to_json, write_json
from prunepack.stages.structure.files import compare_files
from prunepack.stages.structure.inspection import inspect_structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.comparison.calibration import Calibration
    from prunepack.stages.inputs.axes import DynamicAxis
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["VerifyConfig", "verify"]

TOOLS = ("torch", "onnx", "onnx-ir", "onnxscript", "onnxruntime", "numpy", "scipy")
"""The distributions that a comparison with torch needs; it exports the checkpoint again."""

SUMMARIES = {
    "parity.torch_onnx.tolerance": "torch ↔ ONNX within {:.1e}",
    "parity.files.tolerance": "the files within {:.1e}",
    "similarity.mean_cosine": "mean cosine to dense {:.4f}",
    "similarity.equal": "{:.2f} % of the values equal those of the dense model",
    "parity.session.differing_values": "ONNX and artifact differ in {:,.0f} values",
}
"""The summary of a verification, by the first metric that it has."""


@stage(produces=ParityResult, tools=TOOLS)
def verify(
    config: VerifyConfig,
    out: Path,
    dense: Checkpoint | OnnxModel | None,
    final: Checkpoint | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
) -> Facts:
    """Compare the forms of a model that there are; the gate judges the metrics."""
    forms = ModelForms.open(config.provider, dense, final, onnx, artifact)
    check_rules(config.tolerances, forms.outputs)
    inputs = _choose_inputs(config, forms)
    file = artifact.file if artifact is not None else forms.graphs[-1]
    sparse = SparseComparison(forms, file if config.sparse else None, config.tolerances)
    results = Results.start(config, forms, sparse, of_samples=bool(inputs.sources))
    metrics = forms.form_metrics() | forms.provider_metrics()
    if onnx is not None and artifact is not None:
        metrics |= compare_files(onnx, artifact)
    metrics |= _compare_random(config, forms, inputs, results)
    metrics |= _compare_samples(config, forms, inputs, results)
    metrics |= results.metrics()
    metrics |= inspect_structure(forms, final, onnx, artifact, inputs.random[1])
    digests = hash_release(onnx, artifact, dense)
    write_json(out / "parity.json", {"digests": digests, "metrics": metrics_to_json(metrics)})
    return {"summary": _summarize(metrics, results.calibration)}


@dataclass(frozen=True, slots=True)
class _Inputs:
    """All inputs of a verification, chosen before the first comparison.

    Attributes:
        size: The most samples of one run.
        random: Batches of random inputs.
        axes: The dynamic axes.
        stress: The stress inputs, each made when it is compared.
        sources: The samples of the user and of the dataset, which are streamed.
    """

    size: int
    random: tuple[InputBatch, ...]
    axes: tuple[DynamicAxis, ...]
    stress: Iterator[InputBatch]
    sources: tuple[SampleSource, ...]


def _choose_inputs(config: VerifyConfig, forms: ModelForms) -> _Inputs:
    """Return the inputs that ``config`` asks for.

    Raises:
        UsageError: If there is a metric without labelled samples.
    """
    inputs, seed = forms.spec.inputs, config.seed
    rows, sizing = forms.bound_integers(seed)
    axes = find_dynamic_axes(forms.sessions[forms.last], inputs)
    sources = collect_samples(config.inputs, forms.spec, config.samples)
    unlabelled = not any(source.is_labelled for source in sources)
    if config.metric and (not sources or (unlabelled and config.metric != COSINE)):
        raise describe_missing_labels(config.metric)
    size = forms.limit_batch(config.batch_size, seed)
    if size < config.batch_size:
        note(f"verifying {size} samples at a time, by the memory that they need")
    thresholds = find_thresholds(map(read_model, forms.graphs))
    limits = StressLimits(axes, thresholds, size, config.batch_sizes, sizing)
    return _Inputs(
        size=size,
        random=tuple(random_batches(inputs, config.random_samples, seed, rows, size)),
        axes=tuple(axes),
        stress=stress_batches(UsualInputs(inputs, seed, rows), limits),
        sources=tuple(sources),
    )


def _compare_random(
    config: VerifyConfig, forms: ModelForms, inputs: _Inputs, results: Results
) -> Metrics:
    """Compare on random and stress inputs, and return the metrics of these inputs."""
    consistency: Metrics = {}
    for batch in inputs.random:
        outputs = forms.run(batch.arrays, forms.compared)
        results.add(batch, outputs)
        can_repeat = batch.count > 1 or not is_batched(forms.spec.inputs)
        if can_repeat and not consistency and "pruned" in outputs:
            consistency = measure_consistency(forms, batch, outputs["pruned"], config.tolerances)
    tested = compare_stress(forms, inputs.stress, PreciseForm(forms), results)
    return stress_metrics(config.random_samples, inputs.axes, tested) | consistency


def _compare_samples(
    config: VerifyConfig, forms: ModelForms, inputs: _Inputs, results: Results
) -> Metrics:
    """Compare on the samples of the user and of the dataset; labels need the dense form too."""
    size = limit_batch(forms.spec.inputs, inputs.size)
    total = sum(source.count_batches(size, config.samples) for source in inputs.sources)
    batches = sample_batches(inputs.sources, size, config.samples, forms.spec.inputs)
    for batch in track(batches, "verifying on test samples", total):
        judged = batch.labels is not None or results.evaluation.takes_unlabelled
        chosen = forms.names if judged else forms.compared
        results.add(batch, forms.run(batch.arrays, chosen))
    return audit_samples(inputs.sources, config.samples)


def _summarize(metrics: Metrics, calibration: Calibration | None) -> str:
    parts = [_summarize_outputs(metrics)]
    form = "artifact" if "accuracy.artifact" in metrics else "onnx"
    if f"accuracy.{form}" in metrics:
        accuracies = [
            metrics[name].value
            for name in ("accuracy.dense", f"accuracy.{form}")
            if name in metrics
        ]
        parts.append(f"accuracy {' → '.join(f'{value:.2f}' for value in accuracies)} %")
    summary = ", ".join(parts)
    return f"{summary}\n\n{calibration.format_tolerances()}" if calibration else summary


def _summarize_outputs(metrics: Metrics) -> str:
    """Return the first of the comparisons in words."""
    for name, text in SUMMARIES.items():
        if name in metrics:
            return text.format(metrics[name].value)
    return f"{metrics['similarity.values'].value:,.0f} values of the dense and the pruned model"
