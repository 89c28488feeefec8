"""Stand-ins for parameters, on which ``torch.nn.utils.prune`` computes masks.

A stand-in holds a parameter in the order of dimensions that a method works along, with the mask
that it has so far and the values that are ranked. The masks then go to every place of the
parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.pruning.masks import Pruned, put_mask
from prunepack.stages.pruning.parametrizations import spare_norms

if TYPE_CHECKING:
    import torch
    from torch import nn

    from prunepack.stages.pruning.layers import Layout
    from prunepack.stages.pruning.targets import Prunable

__all__ = ["Canvas"]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A stand-in for one parameter.

    Attributes:
        target: The parameter.
        layout: The order of its dimensions.
        module: A module with the parameter alone, under its own name.
        scores: The values that are ranked; None for those of the parameter.
        before: The mask before pruning, in the layout.
        protected: Ones where weights stay, whatever the method ranks; None if it may take all.
    """

    target: Prunable
    layout: Layout
    module: nn.Module
    scores: torch.Tensor | None
    before: torch.Tensor
    protected: torch.Tensor | None

    @classmethod
    def of(cls, target: Prunable, layout: Layout, least: int) -> Canvas:
        """Return a stand-in for ``target`` that keeps at least ``least`` weights."""
        from torch import nn

        held = _reorder_parameter(target.tensor, layout)
        before = layout.reorder(target.mask).contiguous()
        direction = target.roles[0].is_direction
        scores = layout.reorder(target.scores).contiguous() if direction else None
        ranked = held if scores is None else scores
        protected = _choose_protected(ranked, before, least) if least else None
        module = nn.Module()
        module.register_parameter(target.places[0].parameter, held)
        if target.is_masked or protected is not None:
            free = before if protected is None else before * (1 - protected)
            put_mask(module, target.places[0].parameter, free)
        return cls(target, layout, module, scores, before, protected)

    @property
    def parameter(self) -> str:
        """The name of the parameter in the stand-in."""
        return self.target.places[0].parameter

    @property
    def values(self) -> torch.Tensor:
        """The values that are ranked, with zeros in place of pruned weights; in the layout."""
        (held,) = self.module.parameters()
        return (held.detach() if self.scores is None else self.scores) * self.before

    @property
    def mask(self) -> torch.Tensor:
        """The mask that torch made, with the protected weights; in the layout."""
        mask = Pruned("", self.module, self.parameter).mask
        if self.protected is None:
            return mask
        return (mask.bool() | self.protected.bool()).to(self.before.dtype)

    def transfer(self) -> None:
        """Put the mask on every place that holds the parameter."""
        mask = self.layout.reorder(self.mask.to(self.before.dtype))
        before = self.layout.reorder(self.before)
        for place, role in zip(self.target.places, self.target.roles, strict=True):
            ordered = mask if role.order is None else mask.permute(role.order)
            if role.is_direction:
                ordered, norms = spare_norms(place, role, ordered, before)
                if norms is not None:
                    put_mask(place.module, role.norms, norms)
            put_mask(place.module, place.parameter, ordered.contiguous())


def _reorder_parameter(tensor: nn.Parameter, layout: Layout) -> nn.Parameter:
    """Return ``tensor`` itself, or a contiguous copy in the layout."""
    from torch import nn

    if tensor.is_contiguous() and not layout.is_transposed:
        return tensor
    reordered = layout.reorder(tensor.detach()).contiguous()
    return nn.Parameter(reordered, requires_grad=False)


def _choose_protected(ranked: torch.Tensor, before: torch.Tensor, least: int) -> torch.Tensor:
    """Return ones at the ``least`` remaining weights of largest magnitude."""
    import torch

    magnitude = ranked.detach().abs().masked_fill(before == 0, -1.0).reshape(-1)
    chosen = torch.zeros_like(magnitude)
    chosen[magnitude.topk(min(least, int(before.count_nonzero()))).indices] = 1
    return chosen.view_as(before)
