"""Pruning schedules: the sparsity after each round of pruning and fine-tuning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Round", "Schedule", "compute_sparsity", "count_pruned"]

Schedule = Literal["one_shot", "iterative", "linear", "cubic"]
"""``one_shot`` prunes everything in one round; ``iterative`` prunes an equal fraction of the
remaining weights in each round; ``linear`` prunes an equal number of weights; ``cubic`` begins with
large steps and ends with small ones."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a schedule.

    Attributes:
        schedule: The schedule.
        step: The number of the round, from 1.
        steps: The number of rounds.
    """

    schedule: Schedule
    step: int
    steps: int


def compute_sparsity(schedule: Schedule, final: float, step: int, steps: int) -> float:
    """Return the sparsity after ``step`` of ``steps`` rounds.

    ``iterative`` prunes the same fraction of the remaining weights in every round, as Han et al.
    (2015) and Frankle and Carbin (2019) do: ``1 - (1 - final) ** (step / steps)``. ``cubic`` is
    equation 1 of Zhu and Gupta (2017), from zero: ``final * (1 - (1 - step / steps) ** 3)``.

    Args:
        schedule: The schedule.
        final: The sparsity after the last round, between 0 and 1.
        step: The number of the round, from 1.
        steps: The number of rounds.
    """
    done = step / steps
    if schedule == "iterative":
        sparsity = 1 - math.pow(1 - final, done)
    elif schedule == "linear":
        sparsity = final * done
    elif schedule == "cubic":
        sparsity = final * (1 - (1 - done) ** 3)
    else:
        sparsity = final
    return min(sparsity, final)


def count_pruned(schedule: Schedule, amount: float, total: int, step: int, steps: int) -> int:
    """Return the number of pruned units, of ``total``, after ``step`` of ``steps`` rounds.

    The last round ends at exactly ``amount``: a count as it is, a fraction rounded as torch
    rounds it, half to even.
    """
    goal = amount if isinstance(amount, int) else round(amount * total)
    if step == steps or not total:
        return goal
    return round(compute_sparsity(schedule, goal / total, step, steps) * total)
