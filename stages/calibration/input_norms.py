"""Norms of the inputs of each layer, for methods that weigh weights by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.calibration.layer_inputs import (
    read_batches,
    select_tokens,
    shorten,
    watch_inputs,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

    from prunepack.stages.calibration.layer_inputs import Batch
    from prunepack.stages.data.datasets import Data

__all__ = ["measure_input_norms"]

SAMPLES = 400


def measure_input_norms(module: nn.Module, data: Data | None) -> dict[str, torch.Tensor]:
    """Return the L2 norm of each input of a linear layer or a convolution, by weight name.

    The tensors are (inputs,) for a linear layer, and (groups, inputs / groups) for a convolution,
    whose inputs are its input channels.

    Raises:
        UsageError: If there are no training samples.
    """
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    names: dict[nn.Module, str] = {
        layer: f"{name}.weight"
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | _ConvNd)
    }
    energy: dict[str, torch.Tensor] = {}

    def add(layer: nn.Module, tensor: torch.Tensor, batch: Batch) -> None:
        squares = select_tokens(tensor, batch).double().square()
        if isinstance(layer, _ConvNd):
            channels = squares.movedim(1 if tensor.ndim == layer.weight.ndim else 0, -1)
            sums = channels.flatten(0, -2).sum(0).view(layer.groups, -1)
        else:
            sums = squares.flatten(0, -2).sum(0)
        energy[names[layer]] = energy.get(names[layer], 0) + sums

    module.eval()
    watch_inputs(module, names, shorten(module, read_batches(data, SAMPLES)), add)
    return {name: sums.sqrt().float() for name, sums in energy.items()}
