"""Slices of parameters that belong to the units of a channel group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import nn

__all__ = ["Part", "UnsupportedLayerError", "list_parts"]


class UnsupportedLayerError(Exception):
    """A layer in a group whose channels cannot be removed without a change of others."""


@dataclass(frozen=True, slots=True)
class Part:
    """Slices of one parameter.

    Attributes:
        module: The layer.
        parameter: The name of the parameter in it.
        dim: The dimension that is sliced.
        slices: The indices along it, of shape (slices,).
        units: The unit of each slice, of shape (slices,).
        is_input: Whether the layer reads these channels.
    """

    module: nn.Module
    parameter: str
    dim: int
    slices: torch.Tensor
    units: torch.Tensor
    is_input: bool = False


def list_parts(
    group: Any, units: torch.Tensor, modules: Mapping[nn.Module, nn.Module]
) -> Iterator[Part]:
    """Yield the parts of a group.

    Args:
        group: The group of torch-pruning.
        units: The unit of each channel of the group's root.
        modules: The layer of the model by the layer of its copy in the group.

    Raises:
        UnsupportedLayerError: If a layer is of a class whose channels must stay.
    """
    import torch

    for item in group:
        layer = modules.get(item.dep.target.module)
        if layer is None or not list(layer.parameters(recurse=False)):
            if type(item.dep.target.module).__name__ == "Parameter":
                raise UnsupportedLayerError("a parameter outside layers shares them")
            continue
        roots = item.root_idxs if item.root_idxs is not None else item.idxs
        slices, owners = torch.tensor(list(item.idxs)), units[torch.tensor(list(roots))]
        is_input = item.dep.handler.__name__.endswith("in_channels")
        for parameter, dim, period in _list_dims(layer, is_input=is_input):
            if getattr(layer, parameter, None) is not None:
                rows = slices % period if period else slices
                yield Part(layer, parameter, dim, rows, owners, is_input)


def _list_dims(layer: nn.Module, *, is_input: bool) -> list[tuple[str, int, int]]:
    """Return parameter, dimension and, for a grouped convolution, the length of the dimension."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase
    from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

    if isinstance(layer, _NormBase):
        return [("weight", 0, 0), ("bias", 0, 0)]
    if isinstance(layer, nn.Embedding):
        return [("weight", 1, 0)]
    if isinstance(layer, nn.PReLU):
        return []
    if not isinstance(layer, _ConvNd | nn.Linear):
        raise UnsupportedLayerError(f"{type(layer).__name__} depends on all of them")
    transposed = isinstance(layer, _ConvTransposeNd)
    groups = layer.groups if isinstance(layer, _ConvNd) else 1
    if is_input and not (groups > 1 and groups == layer.in_channels):
        period = layer.weight.shape[1] if groups > 1 else 0
        return [("weight", 0 if transposed else 1, period)]
    if transposed and groups > 1:
        raise UnsupportedLayerError("a grouped transposed convolution makes them")
    return [("weight", int(transposed), 0), ("bias", 0, 0)]
