"""Units of a channel group: channels, attention heads, or places in grouped convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

__all__ = ["number_units"]

HEADS = ("num_attention_heads", "num_heads", "n_heads", "n_head")
"""Attributes of attention layers with the number of heads, in the order of preference."""


def number_units(
    group: Any, root: str, modules: Mapping[str, nn.Module]
) -> tuple[torch.Tensor, int]:
    """Return the unit of each channel of a group, and the number of units.

    A head is a unit, as are the channels at one place of all groups of a grouped convolution.

    Args:
        group: The group of torch-pruning.
        root: The name of the layer that it was found from.
        modules: The layers of the model by name.
    """
    import torch

    channels = torch.arange(len(group[0].idxs))
    parent = modules.get(root.rpartition(".")[0])
    count = next((n for name in HEADS if (n := getattr(parent, name, None))), 0)
    if not isinstance(count, int) or len(channels) % max(count, 1) or not _mixes_tokens(group):
        count = 0
    if 1 < count < len(channels):
        return channels // (len(channels) // count), count
    groups = max((_count_groups(item.dep.target.module) for item in group), default=1)
    if groups > 1 and len(channels) % groups == 0:
        places = len(channels) // groups
        return channels % places, places
    return channels, len(channels)


def _mixes_tokens(group: Any) -> bool:
    """Return whether the channels go through attention, not through layers alone."""
    return any("ttention" in str(item.dep.target.name) for item in group)


def _count_groups(module: nn.Module) -> int:
    """Return the groups of a convolution; 1 for a depthwise one and for other layers."""
    groups = getattr(module, "groups", 1)
    is_depthwise = groups == getattr(module, "in_channels", 0)
    return 1 if is_depthwise or not isinstance(groups, int) else groups
