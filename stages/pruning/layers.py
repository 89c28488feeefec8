"""Knowledge about layers: the names of their weights, and the dimensions of outputs and inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Axis", "Layout", "find_layout", "is_normalisation", "is_scale", "is_weight_name"]

Axis = Literal["outputs", "inputs"]
"""The dimension that a method works along: output channels, or inputs that are summed over."""

_WEIGHT = re.compile(r"weight|weight_(ih|hh|hr)(_l\d+(_reverse)?)?|(in|q|k|v)_proj_weight")


def is_weight_name(parameter: str) -> bool:
    """Return whether layers of torch call one of their weight matrices ``parameter``.

    These are ``weight``, the weights of recurrent layers and those of ``MultiheadAttention``.
    """
    return _WEIGHT.fullmatch(parameter) is not None


def is_normalisation(module: nn.Module) -> bool:
    """Return whether ``module`` is a normalisation, whose weight is a scale."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase

    return isinstance(module, _NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)


def is_scale(module: nn.Module, tensor: torch.Tensor) -> bool:
    """Return whether a parameter of a class of the user's own scales channels: (C, 1, 1).

    Such a parameter has as many values as its longest dimension.
    """
    if find_layout(module, "inputs") is not None or tensor.numel() != max(tensor.shape, default=1):
        return False
    return tensor.ndim > 2 or "norm" in type(module).__name__.lower()


@dataclass(frozen=True, slots=True)
class Layout:
    """The order of a weight's dimensions.

    Attributes:
        is_transposed: Whether the weight is (inputs, outputs / groups, …).
        groups: The number of groups of a transposed convolution.
    """

    is_transposed: bool = False
    groups: int = 1

    def reorder(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a weight as (outputs, inputs / groups, …), or such a tensor as the weight.

        Both directions are the same exchange of dimensions, in each group.
        """
        if not self.is_transposed:
            return tensor
        split: torch.Tensor = tensor.unflatten(0, (self.groups, -1))
        return split.transpose(1, 2).flatten(0, 1)


def find_layout(module: nn.Module, axis: Axis) -> Layout | None:
    """Return the layout of the weights of ``module``; None for an unknown class.

    The output channels of an embedding are the columns of its table; its N:M groups run along
    them too, as they do in the output layer that often shares the table.
    """
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    if isinstance(module, _ConvNd):
        return Layout(module.transposed, module.groups)
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return Layout(is_transposed=axis == "outputs")
    if _is_transformers_conv1d(module):
        return Layout(is_transposed=True)
    natural = nn.Linear | nn.Bilinear | nn.RNNBase | nn.RNNCellBase | nn.MultiheadAttention
    return Layout() if isinstance(module, natural) else None


def _is_transformers_conv1d(module: nn.Module) -> bool:
    """Return whether ``module`` is the linear layer of GPT-2, whose weight is (in, out)."""
    return any(
        base.__name__ == "Conv1D" and base.__module__.split(".")[0] == "transformers"
        for base in type(module).__mro__
    )
