"""Objectives of a search: a metric and its better side."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator

from prunepack.errors import quote
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.metrics.catalog import CATALOG, find_description
from prunepack.stages.metrics.directions import find_better
from prunepack.stages.metrics.limits import HOST_DEPENDENT, matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.plan import Plan

__all__ = ["Goal", "Objective", "is_timed", "list_goals", "parse_objective"]

Direction = Literal["minimize", "maximize"]

_OBJECTIVE = re.compile(r"\s*(minimize|maximize)\s+([A-Za-z_][\w.:/-]*)\s*")

SENSES = {"minimize": "<=", "maximize": ">="}

SIZE = "minimize size.artifact"
ACCURACY = "maximize accuracy.artifact"
OWN_METRIC = "minimize metric.drop"


class Goal(NamedTuple):
    """One metric to optimize."""

    direction: Direction
    metric: str

    def __str__(self) -> str:
        """Return the text of the recipe."""
        return f"{self.direction} {self.metric}"

    @property
    def sign(self) -> int:
        """1 if a smaller value is better, -1 if a larger one is."""
        return 1 if self.direction == "minimize" else -1


def parse_objective(text: str) -> Goal:
    """Read ``minimize METRIC`` or ``maximize METRIC``.

    Raises:
        ValueError: If the text has another form, or no metric has this name.
    """
    match = _OBJECTIVE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{quote(text)} is not an objective: expected `minimize METRIC` or `maximize METRIC`"
        )
    direction, metric = match.groups()
    if find_description(metric) is None:
        names = [row.name for row in CATALOG if row.name.islower()]
        raise ValueError(f"no metric is named {quote(metric)}. {suggest_name(metric, names)}")
    better = find_better(metric)
    if better is not None and better != SENSES[direction]:
        raise ValueError(
            f"{quote(text)} asks for the worse side of {metric}: ask for the other one"
        )
    return Goal("minimize" if direction == "minimize" else "maximize", metric)


def _check(text: str) -> str:
    return str(parse_objective(text))


Objective = Annotated[str, AfterValidator(_check)]
"""The text of a goal."""


def list_goals(plan: Plan) -> list[Goal]:
    """Return the goals of a plan: its own, or the usual ones."""
    usual = (ACCURACY if plan.verify.metric in {"", "accuracy"} else OWN_METRIC, SIZE)
    return [parse_objective(text) for text in plan.search.objectives or usual]


def is_timed(goals: Sequence[Goal]) -> bool:
    """Return whether a goal holds for one machine only, such as a latency."""
    return any(matches(goal.metric, HOST_DEPENDENT) for goal in goals)
