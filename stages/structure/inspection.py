"""Inspection of an exported file: interface, second run, sparsity, weights and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.comparison.consistency import count_training_layers
from prunepack.stages.data.input_values import slice_samples
from prunepack.stages.runtime.sessions import find_fixed_batch
from prunepack.stages.structure.interface import compare_interface
from prunepack.stages.structure.origin import compare_with_checkpoint
from prunepack.stages.structure.repetition import compare_runs
from prunepack.stages.structure.sparsity import (
    measure_denormals,
    measure_graph_sparsity,
    measure_sparsity,
)

if TYPE_CHECKING:
    from prunepack.stages.comparison.forms import ModelForms
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.outputs import Checkpoint, OnnxModel, PackedArtifact
    from prunepack.stages.inputs.batches import InputBatch
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["inspect_structure"]


def inspect_structure(
    forms: ModelForms,
    final: Checkpoint | None,
    onnx: OnnxModel | None,
    artifact: PackedArtifact | None,
    batch: InputBatch,
) -> Metrics:
    """Return the metrics of a model that do not depend on the answers to its samples.

    Args:
        forms: The forms; afterwards, the pruned one in torch has plain weights.
        final: The checkpoint of the pruned model.
        onnx: The exported file.
        artifact: The artifact.
        batch: Random inputs.
    """
    metrics = _inspect_session(forms, onnx, batch) | measure_denormals(onnx, artifact)
    module = forms.modules.get("pruned")
    if module is None or final is None:
        return metrics | measure_graph_sparsity(onnx, artifact)
    metrics |= count_training_layers(*forms.modules.values())
    metrics |= measure_sparsity(module, forms.spec.masked)
    if onnx is not None:
        metrics |= compare_with_checkpoint(onnx, final, module)
    return metrics


def _inspect_session(forms: ModelForms, onnx: OnnxModel | None, batch: InputBatch) -> Metrics:
    """Run a session twice on a batch that it takes at once, and inspect its outputs."""
    form = "onnx" if onnx is not None else forms.last
    arrays: Arrays = batch.arrays
    size = find_fixed_batch(forms.sessions[form], forms.batch_axes)
    if size is not None:
        arrays = slice_samples(forms.spec.inputs, arrays, 0, size)
    first, second = (forms.run_form(form, arrays) for _ in range(2))
    metrics = compare_runs(first, second)
    return metrics | ({} if onnx is None else compare_interface(onnx, arrays, first))
