"""Amounts: the units that one round prunes, as torch counts them, and those that stay."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.masks import count_units
from prunepack.stages.pruning.schedules import count_pruned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from prunepack.stages.pruning.canvas import Canvas
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round

__all__ = ["compute_amount", "count_least"]


def count_least(min_left: float, total: int) -> int:
    """Return the number of weights that at least stay of ``total``: a fraction is rounded up."""
    least = min_left if isinstance(min_left, int) else math.ceil(round(min_left * total, 9))
    return min(least, total)


def compute_amount(
    rule: Rule, canvases: Sequence[Canvas], dim: int | None, this_round: Round
) -> int | float:
    """Return the amount of this round, as torch counts it: of the remaining units.

    Units are weights, or channels along ``dim``. Where ``min_left`` forbids a part of the amount,
    the amount is smaller, which is remarked.

    Raises:
        UsageError: If a count exceeds the number of units.
    """
    masks = [canvas.before for canvas in canvases]
    total, remaining = count_units(masks, dim)
    one_shot = this_round.schedule == "one_shot"
    base = remaining if one_shot else total
    if isinstance(rule.amount, int) and rule.amount > base:
        raise _explain_large_amount(rule, base, dim)
    if one_shot and not rule.min_left:
        return rule.amount
    goal = count_pruned(this_round.schedule, rule.amount, base, this_round.step, this_round.steps)
    wanted = max(0, goal - (base - remaining))
    return _limit_count(rule, canvases, dim, wanted) if rule.min_left else wanted


def _explain_large_amount(rule: Rule, most: int, dim: int | None) -> UsageError:
    unit = "weights" if dim is None else f"channels along dim {dim}"
    return UsageError(
        f"`{rule.method}` cannot prune that much of the layers {quote(rule.layers)}",
        expected=f"an amount of at most {most:,} {unit}",
        found=f"{rule.amount:,}",
        hint="Write a fraction with a point: 0.9 is a fraction, 100 is a count",
    )


def _limit_count(rule: Rule, canvases: Sequence[Canvas], dim: int | None, wanted: int) -> int:
    """Return ``wanted``, or the largest count that leaves ``min_left`` in every tensor."""
    free = sum(_count_free(canvas.before, dim, rule.min_left) for canvas in canvases)
    if wanted > free:
        pruned = list_names((canvas.target.weight for canvas in canvases), 1)
        remark(
            f"min_left = {rule.min_left} keeps {wanted - free:,} units that amount = "
            f"{rule.amount} would prune in {pruned}"
        )
    return min(wanted, free)


def _count_free(mask: torch.Tensor, dim: int | None, min_left: float) -> int:
    """Return the number of weights, or channels along ``dim``, that can go."""
    least = count_least(min_left, mask.numel())
    if dim is None:
        return max(0, int(mask.count_nonzero()) - least)
    return _count_free_channels(mask, dim, least)


def _count_free_channels(mask: torch.Tensor, dim: int, least: int) -> int:
    """Return the number of channels that can go, whichever they are, so that ``least`` stay."""
    weights = mask.movedim(dim, 0).unsqueeze(-1).flatten(1).sum(1)
    kept = weights[weights > 0].double().sort().values.cumsum(0)
    return int((kept[:-1] >= least).sum()) if least else len(kept)
