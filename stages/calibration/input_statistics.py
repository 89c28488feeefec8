"""Statistics of the inputs of each layer: norms, and products of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.calibration.layer_inputs import select_tokens, watch_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from prunepack.stages.calibration.layer_inputs import Batch

__all__ = ["measure_norms", "measure_products"]


def _name_weights(module: nn.Module, *classes: type[nn.Module]) -> dict[nn.Module, str]:
    """Return the name of the weight of each layer of these classes."""
    layers = ((name, layer) for name, layer in module.named_modules() if isinstance(layer, classes))
    return {layer: f"{name}.weight".lstrip(".") for name, layer in layers}


def measure_norms(module: nn.Module, batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
    """Return the L2 norm of each input, by weight name.

    The tensors are (inputs,) for a linear layer, and (groups, inputs / groups) for a convolution,
    whose inputs are its input channels.
    """
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    names = _name_weights(module, nn.Linear, _ConvNd)
    energy: dict[str, torch.Tensor] = {}

    def add(layer: nn.Module, tensor: torch.Tensor, batch: Batch) -> None:
        squares = select_tokens(tensor, batch).double().square()
        if isinstance(layer, _ConvNd):
            channels = squares.movedim(1 if tensor.ndim == layer.weight.ndim else 0, -1)
            sums = channels.flatten(0, -2).sum(0).view(layer.groups, -1)
        else:
            sums = squares.flatten(0, -2).sum(0)
        energy[names[layer]] = energy.get(names[layer], 0) + sums

    watch_inputs(module, names, batches, add)
    return {name: sums.sqrt().float() for name, sums in energy.items()}


def measure_products(module: nn.Module, batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
    """Return the mean products of the inputs of linear layers, by weight name."""
    from torch import nn

    names = _name_weights(module, nn.Linear)
    squares: dict[nn.Module, torch.Tensor] = {}
    totals: dict[nn.Module, torch.Tensor] = {}
    rows: dict[nn.Module, int] = {}

    def add(layer: nn.Module, tensor: torch.Tensor, batch: Batch) -> None:
        values = select_tokens(tensor, batch).flatten(0, -2)
        rows[layer] = rows.get(layer, 0) + len(values)
        squares[layer] = squares.get(layer, 0) + (values.T @ values).double()
        totals[layer] = totals.get(layer, 0) + values.double().sum(0)

    watch_inputs(module, names, batches, add)
    products: dict[str, torch.Tensor] = {}
    for layer, square in squares.items():
        mean = totals[layer] / rows[layer]
        about = 0.0 if layer.bias is None else mean.outer(mean)
        products[names[layer]] = square / rows[layer] - about
    return products
