"""Verify the chain torch ↔ ONNX ↔ artifact on every output, and accuracy on real data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import UsageError
from prunepack.stages.comparison.calibration import suggest
from prunepack.stages.comparison.changed_weights import changed_weights
from prunepack.stages.comparison.evaluation import Judge
from prunepack.stages.comparison.forms import Programs, training_layers
from prunepack.stages.comparison.index_bounds import index_sizes
from prunepack.stages.comparison.links import Links
from prunepack.stages.comparison.tolerances import Tolerance, check_rules
from prunepack.stages.comparison.weights import sparsity, weights_link
from prunepack.stages.contract.outputs import (
    Checkpoint,
    OnnxModel,
    PackedArtifact,
    ParityResult,
    hash_release,
)
from prunepack.stages.contract.progress import track
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import CodeName, InputData
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.data.user_samples import collect_samples
from prunepack.stages.metrics.metric import Metrics, metrics_to_json, write_json
from prunepack.stages.models.running import run_module
from prunepack.stages.runtime.sessions import Provider

if TYPE_CHECKING:
    from prunepack.stages.data.samples import Samples

__all__ = ["VerifyConfig", "verify"]

NOISE_SAMPLES = 16
"""Samples of each kind that noise is measured on."""


class VerifyConfig(Config):
    """On what the models are compared, and how closely."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA where it works, else the CPU."
    )
    samples: int = Field(
        0, ge=0, description="Test samples to judge accuracy and parity on; 0 means all."
    )
    inputs: InputData = Field(
        "",
        description="Your samples: an .npz, a folder of ONNX test data, or file.py:function.",
    )
    metric: CodeName = Field(
        "", description="Your metric: file.py:function(outputs, labels) → a score per sample."
    )
    tolerances: tuple[Tolerance, ...] = Field(
        (), description="How far outputs may be apart: outputs=logits,atol=1e-5,rtol=1e-4."
    )
    suggest: bool = Field(
        False, description="Measure the noise of equal runs, and propose tolerances from it."
    )
    random_samples: int = Field(64, ge=3, description="Seeded random inputs compared as well.")
    batch_size: int = Field(500, gt=0, description="Samples per run.")
    seed: int = Field(0, ge=0, description="Seed of the random inputs and of resampling.")


@stage(produces=ParityResult, tools=("torch", "onnx", "onnxruntime", "numpy", "scipy"))
def verify(
    config: VerifyConfig,
    out: Path,
    dense: Checkpoint,
    final: Checkpoint,
    onnx: OnnxModel,
    artifact: PackedArtifact,
) -> Facts:
    """Measure how far the finalized model, its ONNX and its artifact are apart; judge nothing."""
    programs = Programs.open(config.provider, dense, final, onnx, artifact)
    check_rules(config.tolerances, programs.outputs)
    links = Links(programs, config.tolerances)
    metrics = weights_link(onnx, artifact) | changed_weights(onnx, programs.final)
    metrics |= links.compare_made_up(config.random_samples, config.seed)
    metrics |= _on_real_samples(config, links)
    metrics |= links.metrics() | sparsity(programs.final) | programs.provider_metrics()
    metrics |= training_layers(programs.dense, programs.final)
    digests = hash_release(onnx, artifact)
    write_json(out / "parity.json", {"digests": digests, "metrics": metrics_to_json(metrics)})
    return _facts(metrics, _proposal(config, programs, onnx) if config.suggest else "")


def _proposal(config: VerifyConfig, programs: Programs, onnx: OnnxModel) -> str:
    """Return tolerances from the noise on some random samples, and on some that mean something."""
    spec = programs.spec
    sizes = index_sizes(programs.final, spec.inputs, config.seed)
    real = [one.first(NOISE_SAMPLES).arrays for one in collect_samples(config.inputs, spec)]
    random = random_inputs(spec.inputs, NOISE_SAMPLES, config.seed, sizes)
    return suggest(programs, onnx.model, [random, *real])


def _on_real_samples(config: VerifyConfig, links: Links) -> Metrics:
    """Compare on samples that mean something, and judge all four programs on the labelled ones.

    Raises:
        UsageError: If there is a metric and nothing to judge by it.
    """
    programs = links.programs
    sources = [one.first(config.samples) for one in collect_samples(config.inputs, programs.spec)]
    if config.metric and all(one.labels is None for one in sources):
        raise UsageError(
            f"verify.metric {config.metric} has no samples with labels to judge",
            expected="load.dataset, or an array of labels in verify.inputs",
            found="neither",
        )
    judge = Judge(programs.outputs, config.metric, config.seed)
    for samples in sources:
        _compare(samples, config.batch_size, links, judge)
    return judge.metrics()


def _compare(samples: Samples, size: int, links: Links, judge: Judge) -> None:
    programs, first = links.programs, 0
    batches = samples.batches(size)
    for batch in track(batches, "verifying on test samples", -(-len(samples) // size)):
        outputs = links.compare(batch.arrays, len(batch), Path(samples.source).name, first)
        first += len(batch)
        if batch.labels is not None:
            dense = run_module(programs.dense, batch.arrays, programs.outputs)
            judge.add((dense, *outputs), batch.labels, samples.source)


def _facts(metrics: Metrics, proposal: str) -> Facts:
    worst = metrics["parity.torch_onnx.tolerance"].value
    summary = f"torch ↔ ONNX within {worst:.1e}"
    if "accuracy.artifact" in metrics:
        dense, packed = metrics["accuracy.dense"].value, metrics["accuracy.artifact"].value
        summary += f", accuracy {dense:.2f} → {packed:.2f} %"
    return {"summary": f"{summary}\n\n{proposal}" if proposal else summary}
