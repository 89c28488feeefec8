"""Progress of a run: the stage that starts, its number and its round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.pipeline.build import count_stages

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runs.event import Event

__all__ = ["RunProgress"]

REPEATED = ("prune", "finetune")
"""Stages that run once per round."""


class RunProgress:
    """Messages about the stages of a run, as they start.

    Args:
        console: The console to show the messages on.
        plan: The plan of the run.
    """

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._plan = console, plan
        self._finished: list[str] = []

    def start(self, stage: str, why: str) -> None:
        """Show that ``stage`` starts, and why it is not reused."""
        finished = self._finished
        total = count_stages(self._plan, (*finished, stage))
        rounds = len(self._plan.prune.rounds)
        name = stage
        if stage in REPEATED and rounds > 1:
            name = f"{stage}, round {finished.count(stage) + 1} of {rounds}"
        self._console.message(f"stage {len(finished) + 1} of {total}: {name} … ({why})")

    def finish(self, event: Event) -> None:
        """Count a finished stage, and show the assumptions that it made."""
        self._finished.append(event.stage)
        for text in event.notes:
            self._console.remark(f"{event.stage}: {text}")

    def warn(self, text: str) -> None:
        """Show something that went wrong beside the run."""
        self._console.remark(text)
