"""Observer: the methods that a run calls as it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.metrics.metric import Metric

__all__ = ["RunObserver"]


class RunObserver:
    """Base of observers; each method does nothing, so override those that you need.

    A run calls them in the order below, in its own process and thread. An observer that raises an
    exception is told no more; the run goes on, with a warning.
    """

    def start_run(self, recipe: str, name: str, settings: Mapping[str, Any]) -> None:
        """Take note that a run begins.

        Args:
            recipe: The name of its recipe.
            name: The name of the run; empty without one.
            settings: All settings by their key, such as ``prune.amount``; those by default too.
        """

    def finish_stage(
        self, stage: str, facts: Mapping[str, Any], *, seconds: float, reused: bool
    ) -> None:
        """Take note of a finished stage.

        Args:
            stage: Its name; ``prune`` and ``finetune`` come once per round.
            facts: Facts of its result: numbers by name, and ``summary``, a sentence.
            seconds: Its duration in this run.
            reused: Whether its result was stored by an earlier run.
        """

    def finish_run(
        self, verdict: str, metrics: Mapping[str, Metric], files: Sequence[Path]
    ) -> None:
        """Take note of the end of a run.

        Args:
            verdict: ``passed``, ``failed`` or ``undecided``; empty if it stopped before the gate.
            metrics: Each metric of the report by name, with ``value``, ``unit``, ``low`` and
                ``high``, the ends of the 95 % interval, or None without one.
            files: The published files: models, artifact and reports.
        """

    def fail_run(self, error: BaseException) -> None:
        """Take note that a run ends by an error, or because the user stopped it."""
