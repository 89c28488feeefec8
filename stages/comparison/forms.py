"""Forms of one model: dense torch, pruned torch, ONNX, artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.checkpoints import open_model
from prunepack.stages.models.running import run_module
from prunepack.stages.runtime.sessions import (
    Provider,
    Session,
    choose_providers,
    count_mismatches,
    open_artifact_session,
    open_onnx_session,
    run_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import nn

    from prunepack.stages.comparison.inputs import InputBatch
    from prunepack.stages.comparison.tolerances import Tolerance
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact

__all__ = [
    "FORMS",
    "PRUNED_FORMS",
    "Form",
    "FormOutputs",
    "ModelForms",
    "count_training_layers",
    "measure_consistency",
]

Form = Literal["dense", "pruned", "onnx", "artifact"]

PRUNED_FORMS: tuple[Form, ...] = ("pruned", "onnx", "artifact")
"""The finalized torch model, its ONNX and its artifact."""

FORMS: tuple[Form, ...] = ("dense", *PRUNED_FORMS)
"""All forms; the dense one is the torch model before pruning."""

FormOutputs = dict[Form, "Arrays"]
"""The outputs of forms for the same inputs."""


@dataclass(frozen=True, slots=True)
class ModelForms:
    """The open forms of one model.

    Attributes:
        spec: The model specification.
        outputs: The names of the outputs, in the order of torch's.
        dense: The model before pruning.
        pruned: The finalized model, from which the ONNX was exported.
        providers: The requested execution providers of the sessions.
        onnx: A session on the exported file.
        artifact: A session on the packed file.
    """

    spec: ModelSpec
    outputs: tuple[str, ...]
    dense: nn.Module
    pruned: nn.Module
    providers: tuple[str, ...]
    onnx: Session
    artifact: Session

    @classmethod
    def open(
        cls,
        provider: Provider,
        dense: Checkpoint,
        final: Checkpoint,
        onnx: OnnxModel,
        artifact: PackedArtifact,
    ) -> ModelForms:
        """Open all forms.

        Raises:
            UsageError: If the provider is not available.
            RefusedError: If a form cannot be opened.
        """
        pruned, spec = open_model(final)
        providers = choose_providers(provider, onnx.model)
        return cls(
            spec=spec,
            outputs=tuple(onnx.interface["outputs"]),
            dense=open_model(dense)[0],
            pruned=pruned,
            providers=tuple(providers),
            onnx=open_onnx_session(onnx.model, providers),
            artifact=open_artifact_session(artifact.file, providers),
        )

    def run(self, inputs: Arrays, forms: Iterable[Form]) -> FormOutputs:
        """Return the outputs of several forms."""
        return {form: self.run_form(form, inputs) for form in forms}

    def run_form(self, form: Form, inputs: Arrays) -> Arrays:
        """Return the outputs of one form.

        Raises:
            RefusedError: If the form cannot run on these inputs.
        """
        if form == "dense":
            return run_module(self.dense, inputs, self.outputs)
        if form == "pruned":
            return run_module(self.pruned, inputs, self.outputs)
        return run_session(self.onnx if form == "onnx" else self.artifact, inputs)

    def provider_metrics(self) -> Metrics:
        """Return the number of sessions without the requested execution provider."""
        count, note = count_mismatches(self.providers, self.onnx, self.artifact)
        return {"runtime.provider_mismatches": Metric(count, "sessions", note=note)}


def count_training_layers(*modules: nn.Module) -> Metrics:
    """Return the number of layers in training mode, which ``eval()`` did not reach."""
    names = [
        name or "the model"
        for module in modules
        for name, layer in module.named_modules()
        if layer.training
    ]
    return {"torch.training_layers": Metric(len(names), "layers", note=", ".join(names[:5]))}


def measure_consistency(
    forms: ModelForms, batch: InputBatch, outputs: Arrays, rules: Sequence[Tolerance]
) -> Metrics:
    """Count output values of torch that change in a second run, or without the other samples.

    Active dropout changes every run. Active BatchNorm takes its statistics from the batch, so the
    answer to a sample depends on the others. Outputs whose first axis is not the batch are
    compared between equal batches only.

    Args:
        forms: The forms; only the pruned torch model runs.
        batch: Two samples or more.
        outputs: The outputs of the pruned torch model for them.
        rules: Tolerances. None is stricter here than the default, since the order of additions
            depends on the size of the batch.
    """
    again, alone = (Comparison(name, rules=rules, lenient=True) for name in ("again", "alone"))
    again.add(outputs, forms.run_form("pruned", batch.arrays), batch.count, "run again")
    single = {name: array[:1] for name, array in batch.arrays.items()}
    expected = {n: array[:1] for n, array in outputs.items() if array.shape[:1] == (batch.count,)}
    actual = forms.run_form("pruned", single)
    alone.add(expected, {name: actual[name] for name in expected if name in actual}, 1, "run alone")
    compared = [*again.outputs.values(), *alone.outputs.values()]
    changed = [output for output in compared if output.beyond_tolerance]
    count = sum(output.beyond_tolerance for output in changed)
    note = "; ".join(output.worst_element for output in changed[:3])
    return {"torch.inconsistent_values": Metric(count, "values", note=note)}
