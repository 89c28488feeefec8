"""Comparison of the forms of a model on the same inputs, and accuracy on labelled samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.comparison.calibration import Calibration
from prunepack.stages.comparison.comparison import FormComparisons
from prunepack.stages.comparison.evaluation import Evaluation
from prunepack.stages.comparison.forms import (
    FORMS,
    PRUNED_FORMS,
    ModelForms,
    count_training_layers,
    measure_consistency,
)
from prunepack.stages.comparison.index_bounds import find_index_sizes
from prunepack.stages.comparison.inputs import random_batches, sample_batches
from prunepack.stages.comparison.stress_inputs import (
    find_dynamic_axes,
    find_usable_batch,
    stress_metrics,
    stress_tests,
)
from prunepack.stages.comparison.tolerances import Tolerance, check_rules
from prunepack.stages.comparison.weights import compare_files, compare_weights, measure_sparsity
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
from prunepack.stages.data.user_samples import collect_samples
from prunepack.stages.metrics.metric import Metrics, metrics_to_json, write_json
from prunepack.stages.runtime.sessions import Provider

if TYPE_CHECKING:
    from prunepack.stages.comparison.forms import FormOutputs
    from prunepack.stages.comparison.inputs import InputBatch
    from prunepack.stages.comparison.stress_inputs import DynamicAxis, StressTest

__all__ = ["VerifyConfig", "verify"]


class VerifyConfig(Config):
    """Inputs and tolerances of the comparison."""

    provider: Provider = Field(
        "auto", description="Execution provider; auto: CUDA where it works, else the CPU."
    )
    samples: int = Field(
        0, ge=0, description="Number of test samples for accuracy and parity; 0 means all."
    )
    inputs: InputData = Field(
        "",
        description="Your samples: an .npz, a folder of ONNX test data, or file.py:function.",
    )
    metric: CodeName = Field(
        "", description="Your metric: file.py:function(outputs, labels) → a score per sample."
    )
    tolerances: tuple[Tolerance, ...] = Field(
        (), description="Allowed errors by output: outputs=logits,atol=1e-5,rtol=1e-4."
    )
    suggest: bool = Field(
        False, description="Measure run-to-run errors and suggest tolerances from them."
    )
    random_samples: int = Field(64, ge=3, description="Number of random samples to compare on.")
    batch_size: int = Field(500, gt=0, description="Number of samples per run.")
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
    """Compare the pruned model, its ONNX and its artifact; the gate judges the metrics."""
    forms = ModelForms.open(config.provider, dense, final, onnx, artifact)
    check_rules(config.tolerances, forms.outputs)
    inputs = _choose_inputs(config, forms)
    results = _Results.start(config, forms, onnx)
    metrics = compare_files(onnx, artifact) | compare_weights(onnx, forms.pruned)
    metrics |= _compare_random(config, forms, inputs, results)
    _compare_samples(forms, inputs, results)
    metrics |= results.metrics() | measure_sparsity(forms.pruned) | forms.provider_metrics()
    metrics |= count_training_layers(forms.dense, forms.pruned)
    digests = hash_release(onnx, artifact)
    write_json(out / "parity.json", {"digests": digests, "metrics": metrics_to_json(metrics)})
    return {"summary": _summarize(metrics, results.calibration)}


@dataclass(frozen=True, slots=True)
class _Inputs:
    """All inputs of a verification, chosen before the first comparison."""

    random: tuple[InputBatch, ...]
    axes: tuple[DynamicAxis, ...]
    stress: tuple[StressTest, ...]
    samples: tuple[InputBatch, ...]


@dataclass(frozen=True, slots=True)
class _Results:
    """Comparisons, evaluation and calibration, which take the outputs of each batch."""

    comparisons: FormComparisons
    evaluation: Evaluation
    calibration: Calibration | None

    @classmethod
    def start(cls, config: VerifyConfig, forms: ModelForms, onnx: OnnxModel) -> _Results:
        """Return results without any output yet."""
        return cls(
            FormComparisons(config.tolerances),
            Evaluation(forms.outputs, config.metric, config.seed),
            Calibration(forms, onnx.model) if config.suggest else None,
        )

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Compare the outputs of one batch, and evaluate them if it has labels."""
        self.comparisons.add(batch, outputs)
        if batch.labels is not None:
            self.evaluation.add(outputs, batch.labels, batch.source)
        if batch.calibrates and self.calibration is not None:
            self.calibration.add(batch, outputs)

    def metrics(self) -> Metrics:
        """Return the metrics of the evaluation and of the comparisons."""
        return self.evaluation.metrics() | self.comparisons.metrics()


def _choose_inputs(config: VerifyConfig, forms: ModelForms) -> _Inputs:
    """Return the inputs that ``config`` asks for.

    Raises:
        UsageError: If there is a metric without labelled samples.
    """
    inputs, seed = forms.spec.inputs, config.seed
    sizes = find_index_sizes(forms.pruned, inputs, seed)
    axes = find_dynamic_axes(forms.onnx, inputs)
    sources = [each.first(config.samples) for each in collect_samples(config.inputs, forms.spec)]
    if config.metric and all(samples.labels is None for samples in sources):
        raise UsageError(
            f"`verify.metric` {config.metric} has no labelled samples",
            expected="`load.dataset`, or an array of labels in `verify.inputs`",
            found="neither",
        )
    return _Inputs(
        random=tuple(random_batches(inputs, config.random_samples, seed, sizes)),
        axes=tuple(axes),
        stress=tuple(stress_tests(inputs, axes, seed, sizes)),
        samples=tuple(sample_batches(sources, config.batch_size)),
    )


def _compare_random(
    config: VerifyConfig, forms: ModelForms, inputs: _Inputs, results: _Results
) -> Metrics:
    """Compare on random and stress inputs, and return the metrics of these inputs."""
    consistency: Metrics = {}
    for batch in inputs.random:
        outputs = forms.run(batch.arrays, PRUNED_FORMS)
        results.add(batch, outputs)
        if batch.count > 1 and not consistency:
            consistency = measure_consistency(forms, batch, outputs["pruned"], config.tolerances)
    tested = [(test, _compare_stress(test, forms, results)) for test in inputs.stress]
    return stress_metrics(config.random_samples, inputs.axes, tested) | consistency


def _compare_stress(test: StressTest, forms: ModelForms, results: _Results) -> InputBatch | None:
    """Compare on the first batch that torch can run; return it, or None without one."""
    usable = find_usable_batch(test, lambda inputs: forms.run_form("pruned", inputs))
    if usable is None:
        return None
    batch, pruned = usable
    try:
        outputs: FormOutputs = {
            "pruned": pruned,
            **forms.run(batch.arrays, ("onnx", "artifact")),
        }
    except RefusedError as error:  # torch can run the inputs, so ONNX is another model
        results.comparisons.fail(batch, str(error))
    else:
        results.add(batch, outputs)
    return batch


def _compare_samples(forms: ModelForms, inputs: _Inputs, results: _Results) -> None:
    """Compare on the samples of the user and of the dataset; labels need the dense form too."""
    batches = inputs.samples
    for batch in track(batches, "verifying on test samples", len(batches)):
        chosen = PRUNED_FORMS if batch.labels is None else FORMS
        results.add(batch, forms.run(batch.arrays, chosen))


def _summarize(metrics: Metrics, calibration: Calibration | None) -> str:
    worst = metrics["parity.torch_onnx.tolerance"].value
    summary = f"torch ↔ ONNX within {worst:.1e}"
    if "accuracy.artifact" in metrics:
        dense, packed = metrics["accuracy.dense"].value, metrics["accuracy.artifact"].value
        summary += f", accuracy {dense:.2f} → {packed:.2f} %"
    return f"{summary}\n\n{calibration.format_tolerances()}" if calibration else summary
