"""Ranking of the units of channel groups, and masks on all layers that share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.messages import list_first, list_names
from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.masks import put_mask
from prunepack.stages.pruning.schedules import count_pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch
    from torch import nn

    from prunepack.stages.pruning.groups.dependencies import ChannelGroup
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round

__all__ = ["prune_groups"]


def prune_groups(
    rule: Rule, groups: Sequence[ChannelGroup], covered: Iterable[nn.Module], this_round: Round
) -> None:
    """Mask the units of the smallest norm in each group, or random ones.

    Args:
        rule: The method, its amount of the units of each group, and its norm.
        groups: All groups of the model.
        covered: The layers of the rule. A group is pruned if all layers that make its channels
            are among them.
        this_round: The round of the schedule.

    Raises:
        UsageError: If no group can be pruned, or the norm cannot rank units.
    """
    layers = set(covered)
    mine = [group for group in groups if _makers(group) <= layers and not group.obstacle]
    _remark_left_out(groups, mine)
    if not mine:
        raise UsageError(
            f"`{rule.method}` finds no channel group in the layers of its rule",
            expected="layers whose channels other layers read",
            found=list_names(group.name for group in groups) or "none",
            hint="Name all layers of a group in layers, or leave groups out",
        )
    for group in mine:
        scores, alive = _score_units(rule, group)
        total = int(alive.sum()) if this_round.schedule == "one_shot" else group.count
        goal = count_pruned(
            this_round.schedule, rule.amount, total, this_round.step, this_round.steps
        )
        wanted = max(0, goal - (total - int(alive.sum())))
        order = scores.masked_fill(~alive, float("inf")).argsort(stable=True)
        _mask_units(group, order[: min(wanted, int(alive.sum()))])


def _makers(group: ChannelGroup) -> set[nn.Module]:
    """Return the layers whose output channels belong to the group, without normalizations."""
    return {
        part.module
        for part in group.parts
        if not part.is_input and getattr(part.module, part.parameter).ndim > 1
    }


def _remark_left_out(groups: Sequence[ChannelGroup], mine: Sequence[ChannelGroup]) -> None:
    """Tell the groups that stay, with the reason."""
    others = [group for group in groups if group not in mine]
    reasons = (
        f"`{group.name}` ({group.obstacle or 'not all of its layers are in the rule'})"
        for group in others
    )
    if others:
        remark(f"channel groups that are not pruned: {list_first(reasons, 5)}")


def _score_units(rule: Rule, group: ChannelGroup) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the norm of each unit over all layers, and whether any of its weights remains.

    Raises:
        UsageError: If the norm cannot be computed over several layers.
    """
    import torch

    largest, total = torch.zeros(group.count), torch.zeros(group.count)
    power = _find_power(rule)
    for part in group.parts:
        weight = getattr(part.module, part.parameter).detach()
        if weight.ndim > 1:
            rows = weight.movedim(part.dim, 0).flatten(1)[part.slices].abs().float()
            largest.scatter_reduce_(0, part.units, rows.amax(1), "amax")
            total.scatter_add_(0, part.units, (rows**power).sum(1))
    if rule.method == "random_structured":
        return torch.rand(group.count), largest > 0
    return largest if rule.norm == "inf" else total, largest > 0


def _find_power(rule: Rule) -> float:
    power = 2.0 if rule.norm in {"fro", "inf"} else rule.norm
    if isinstance(power, str) or power <= 0:
        raise UsageError(
            "the norm cannot rank units of several layers",
            expected="a positive number, inf or fro",
            found=str(rule.norm),
            hint="Set norm = 2 in the rule with groups",
        )
    return power


def _mask_units(group: ChannelGroup, chosen: torch.Tensor) -> None:
    """Put masks on all slices of the chosen units."""
    import torch

    is_chosen = torch.zeros(group.count, dtype=torch.bool)
    is_chosen[chosen] = True
    for part in group.parts:
        mask = torch.ones_like(getattr(part.module, part.parameter).detach())
        mask.movedim(part.dim, 0)[part.slices[is_chosen[part.units]]] = 0
        put_mask(part.module, part.parameter, mask)
