"""Gradients of the loss by the weights of a model, on labelled training samples."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.calibration.layer_inputs import read_samples
from prunepack.stages.pruning.targets import prunable_parameters
from prunepack.stages.training.answers import compute_outputs
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.losses import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import Data
    from prunepack.stages.data.samples import Samples

__all__ = ["measure_gradients"]


def measure_gradients(
    module: nn.Module, data: Data | None, samples: int
) -> dict[str, dict[str, torch.Tensor]]:
    """Return ``gradients`` and ``squared_gradients`` of the loss, by the name of the weight.

    The loss is that of fine-tuning by the labels: cross-entropy of classes, the squared error of
    numbers, and so on. The first output of the model answers. ``gradients`` are those of the mean
    loss; ``squared_gradients`` are the means over batches of 25 samples of the squared gradients.
    Weights that a parametrisation computes, and those that the loss does not depend on, have none.

    Raises:
        UsageError: If there are no labelled training samples.
    """
    weights = {
        target.weight: target.tensor
        for target in prunable_parameters(module)
        if target.is_matrix and not target.roles[0].is_direction
    }
    batches = read_samples(data, samples)
    objective = Objective(TrainConfig(), "the train split")
    total = sum(map(len, batches))
    sums: dict[str, torch.Tensor] = {}
    squares: dict[str, torch.Tensor] = {}
    with _with_gradients(list(weights.values())):
        for batch in batches:
            part = len(batch) / total
            for name, gradient in _differentiate(module, objective, batch, weights).items():
                sums[name] = sums.get(name, 0) + part * gradient
                squares[name] = squares.get(name, 0) + part * gradient.square()
    return {"gradients": sums, "squared_gradients": squares}


def _differentiate(
    module: nn.Module, objective: Objective, batch: Samples, weights: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the gradients of the mean loss of a batch, as far as it depends on the weights."""
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in batch.arrays.items()}
    if batch.labels is None:
        raise UsageError(
            "there are no labels for the gradients of the loss",
            expected="(inputs, labels) in the train split of load.dataset",
            found="inputs alone",
            hint="Choose a method that needs no gradients, such as wanda",
        )
    with torch.enable_grad():
        loss = objective.compute(compute_outputs(module, tensors), batch.labels)
        found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    pairs = zip(weights, found, strict=True)
    return {name: gradient.detach() for name, gradient in pairs if gradient is not None}


@contextmanager
def _with_gradients(tensors: Sequence[torch.Tensor]) -> Iterator[None]:
    """Let ``tensors`` have gradients inside the block, also where the user froze them."""
    before = [tensor.requires_grad for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.requires_grad_(True)
        yield
    finally:
        for tensor, required in zip(tensors, before, strict=True):
            tensor.requires_grad_(required)
