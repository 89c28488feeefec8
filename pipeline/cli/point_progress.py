"""Progress of points that are measured or reused one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.runs.event import Event

__all__ = ["PointProgress"]

EVERY = 10
"""Points between two messages."""


class PointProgress:
    """Messages about points, the first of each ten and the last.

    Args:
        console: The console to show the messages on.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._built = self._reused = 0
        self._told: set[str] = set()

    def finish(self, event: Event) -> None:
        """Count a finished point, and show each assumption once."""
        if event.reused:
            self._reused += 1
        else:
            self._built += 1
            if self._built % EVERY == 0:
                self._console.message(f"{self._built} points measured")
        for text in event.notes:
            if text not in self._told:
                self._told.add(text)
                self._console.remark(text)

    def conclude(self) -> None:
        """Show how many points were measured, and how many were stored before."""
        self._console.message(f"{self._built} points measured, {self._reused} reused")
