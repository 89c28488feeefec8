"""Early end of hopeless trials.

Optuna's pruners serve one objective (`Trial.report` refuses more), and their decisions depend on
the order in which workers finish. This rule serves any number of objectives on accuracy and size,
and reads only earlier generations: a trial is hopeless if an earlier one had, after one of its
rounds, at least the same sparsity and more accuracy by a margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prunepack.pipeline.runs.event import Event
    from prunepack.pipeline.search.objective import Goal
    from prunepack.pipeline.search.result import Curve

__all__ = ["Hopeless", "Rounds", "find_rival", "is_stoppable"]

COVERED = ("accuracy.", "size.", "sparsity.")
"""Metrics that sparsity and accuracy on validation foretell."""


class Hopeless(Exception):  # noqa: N818 -- a decision, not a fault
    """The trial ends early."""


def is_stoppable(goals: Sequence[Goal]) -> bool:
    """Return whether the rule serves the objectives."""
    return all(goal.metric.startswith(COVERED) for goal in goals)


def find_rival(
    sparsity: float, accuracy: float, curves: Iterable[tuple[int, Curve]], margin: float
) -> str:
    """Return in words the trial that is better by the margin; empty if there is none.

    Args:
        sparsity: The sparsity after a round, from 0 to 1.
        accuracy: The accuracy on validation after it, in %.
        curves: Numbers and rounds of trials of earlier generations.
        margin: Points of accuracy.
    """
    for number, curve in curves:
        for other, best in curve:
            if other >= sparsity - 1e-9 and best > accuracy + margin:
                return (
                    f"{accuracy:.2f} % at {100 * sparsity:.1f} % sparsity; trial {number} had "
                    f"{best:.2f} % at {100 * other:.1f} %"
                )
    return ""


class Rounds:
    """The rounds of a trial, and the rule that ends it early."""

    def __init__(self, rivals: Sequence[tuple[int, Curve]], margin: float, is_on: bool) -> None:
        self._rivals, self._margin = rivals if is_on else (), margin
        self._sparsity = 0.0
        self.curve: Curve = ()

    def add(self, event: Event) -> None:
        """Add a finished stage.

        Raises:
            Hopeless: If an earlier trial is better by the margin.
        """
        if event.stage == "prune":
            self._sparsity = float(event.facts.get("sparsity", 0.0))
        if event.stage != "finetune" or event.facts.get("unit") != "%":
            return
        accuracy = float(event.facts["after"])
        self.curve = (*self.curve, (self._sparsity, accuracy))
        rival = find_rival(self._sparsity, accuracy, self._rivals, self._margin)
        if rival:
            raise Hopeless(rival)
