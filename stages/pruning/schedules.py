"""How the amount to prune grows over rounds of pruning and fine-tuning."""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Schedule", "cumulative", "share_after"]

Schedule = Literal["one_shot", "iterative", "cubic"]
"""All in one round; an equal fraction of what is left in each; fast first and slow at last."""


def share_after(schedule: Schedule, final: float, step: int, steps: int) -> float:
    """Return the share that is pruned once ``step`` of ``steps`` rounds are done.

    ``iterative`` prunes the same fraction of what is left in every round, as Han et al. (2015)
    and Frankle and Carbin (2019) do: ``1 - (1 - final) ** (step / steps)``. ``cubic`` is equation
    1 of Zhu and Gupta (2017), from zero: ``final * (1 - (1 - step / steps) ** 3)``.

    Args:
        schedule: Its name.
        final: The share after the last round, between 0 and 1.
        step: The round, from 1.
        steps: How many rounds there are.
    """
    done = step / steps
    if schedule == "iterative":
        share = 1 - math.pow(1 - final, done)
    elif schedule == "cubic":
        share = final * (1 - (1 - done) ** 3)
    else:
        share = final
    return min(share, final)


def cumulative(schedule: Schedule, amount: float, total: int, step: int, steps: int) -> int:
    """Return how many of ``total`` units are to be pruned once ``step`` of ``steps`` are done.

    The last round ends at exactly ``amount``: a count as it is, a fraction rounded as torch
    rounds it, half to even.
    """
    goal = amount if isinstance(amount, int) else round(amount * total)
    if step == steps or not total:
        return goal
    return round(share_after(schedule, goal / total, step, steps) * total)
