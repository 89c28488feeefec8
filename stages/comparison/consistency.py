"""Consistency of a torch model: layers in training mode, and answers that change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.comparison.comparison import Comparison
from prunepack.stages.data.input_values import slice_samples
from prunepack.stages.metrics.metric import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from prunepack.stages.comparison.forms import ModelForms
    from prunepack.stages.comparison.tolerances import Tolerance
    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["count_training_layers", "measure_consistency"]


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
        forms: The forms; only the reference runs.
        batch: Two samples or more.
        outputs: The outputs of the reference for them.
        rules: Tolerances. None is stricter here than the default, since the order of additions
            depends on the size of the batch.
    """
    again, alone = (Comparison(name, rules=rules, lenient=True) for name in ("again", "alone"))
    again.add(outputs, forms.run_form(forms.reference, batch.arrays), batch.count, "run again")
    single = slice_samples(forms.spec.inputs, batch.arrays, 0, 1)
    expected = {
        name: array[:1]
        for name, array in outputs.items()
        if forms.has_batch_first(name, array, batch.count)
    }
    actual = forms.run_form(forms.reference, single)
    alone.add(expected, {name: actual[name] for name in expected if name in actual}, 1, "run alone")
    compared = [*again.outputs.values(), *alone.outputs.values()]
    changed = [output for output in compared if output.beyond_tolerance]
    count = sum(output.beyond_tolerance for output in changed)
    note = "; ".join(output.worst_element for output in changed[:3])
    return {"torch.inconsistent_values": Metric(count, "values", note=note)}
