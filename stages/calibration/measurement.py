"""Measurement of the statistics that pruning methods need, on the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, quote
from prunepack.stages.calibration.gradients import measure_gradients
from prunepack.stages.calibration.input_statistics import measure_norms, measure_products
from prunepack.stages.calibration.layer_inputs import read_batches, shorten
from prunepack.stages.calibration.statistics import NO_STATISTICS, Statistics
from prunepack.stages.data.datasets import open_data
from prunepack.stages.pruning.methods import open_method

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec
    from prunepack.stages.data.datasets import Data

__all__ = ["list_needs", "measure_for_methods", "measure_statistics"]

SAMPLES = 500
LABELS = {"norms": "the inputs of the layer", "products": "the inputs of the layer"} | {
    "gradients": "the gradients",
    "squared_gradients": "the gradients",
}
"""The statistics in messages."""


def list_needs(methods: Iterable[str]) -> frozenset[str]:
    """Return the statistics that pruning methods need; ``none`` needs nothing."""
    return frozenset(
        need for method in methods if method != "none" for need in open_method(method).needs
    )


def measure_for_methods(methods: Iterable[str], module: nn.Module, spec: ModelSpec) -> Statistics:
    """Return the statistics that pruning methods need.

    Raises:
        UsageError: If they need training samples or labels, and there are none.
    """
    needs = list_needs(methods)
    if not needs:
        return NO_STATISTICS
    data = open_data(spec.dataset, spec.inputs, spec.dataset_arguments) if spec.dataset else None
    return measure_statistics(module, data, needs)


def measure_statistics(module: nn.Module, data: Data | None, kinds: Collection[str]) -> Statistics:
    """Return statistics of ``kinds`` on up to 500 training samples; others are empty.

    Raises:
        UsageError: If there are no training samples, or gradients need labels and there are none.
        RefusedError: If a statistic is NaN, as the samples or the weights are.
    """
    module.eval()
    inputs: dict[str, dict[str, torch.Tensor]] = {}
    if {"norms", "products"} & set(kinds):
        batches = shorten(module, read_batches(data, SAMPLES))
        measures = {"norms": measure_norms, "products": measure_products}
        inputs = {
            kind: measure(module, batches) for kind, measure in measures.items() if kind in kinds
        }
    if {"gradients", "squared_gradients"} & set(kinds):
        inputs |= measure_gradients(module, data, SAMPLES)
    for kind, tensors in inputs.items():
        _refuse_nan(LABELS[kind], tensors)
    return Statistics(**inputs)


def _refuse_nan(label: str, tensors: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        if bool(tensor.isnan().any()):
            raise RefusedError(
                f"{label} of {quote(name)} are NaN on the calibration samples",
                expected="samples and weights without NaN",
                hint="Replace NaN in the samples, and check the weights of the layers before",
            )
