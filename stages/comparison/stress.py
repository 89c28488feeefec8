"""Comparison of the forms on stress inputs, as far as the reference can run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from prunepack.errors import RefusedError
from prunepack.stages.comparison.units import find_units, has_large_errors
from prunepack.stages.inputs.stress_inputs import find_usable_batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.stages.comparison.forms import FormOutputs, ModelForms
    from prunepack.stages.comparison.precision import PreciseForm
    from prunepack.stages.inputs.batches import InputBatch

__all__ = ["compare_stress"]


class Results(Protocol):
    """Results of a verification."""

    def add(self, batch: InputBatch, outputs: FormOutputs) -> None:
        """Compare the outputs of one batch."""

    def fail(self, batch: InputBatch, reason: str) -> None:
        """Record that a form has no outputs for a batch that the reference can run."""


def compare_stress(
    forms: ModelForms, batches: Iterable[InputBatch], precise: PreciseForm, results: Results
) -> list[tuple[InputBatch, bool]]:
    """Compare on each batch, and return with each whether the reference could run it."""
    return [
        (replace(batch, arrays={}), _compare_batch(forms, batch, precise, results))
        for batch in batches
    ]


def _compare_batch(
    forms: ModelForms, batch: InputBatch, precise: PreciseForm, results: Results
) -> bool:
    reference = forms.reference
    usable = find_usable_batch(
        batch, forms.spec.inputs, lambda inputs: forms.run_form(reference, inputs)
    )
    if usable is None:
        return False
    batch, expected = usable
    others = tuple(form for form in forms.compared if form != reference)
    try:
        outputs: FormOutputs = {reference: expected, **forms.run(batch.arrays, others)}
    except RefusedError as error:  # the reference runs the inputs, so this is another model
        results.fail(batch, str(error))
        return True
    is_close = not any(has_large_errors(expected, outputs[form], batch.scale) for form in others)
    exact = expected if is_close else precise.run(batch.arrays)
    results.add(replace(batch, units=find_units(expected, batch.scale, exact)), outputs)
    return True
