"""Run: one pass of a recipe through the stages, as it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from prunepack.pipeline.runs.event import Event
from prunepack.stages.metrics.files import read_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Run", "RunHead", "number_calls"]


class RunHead(BaseModel):
    """Choices of the user that a run starts with.

    Attributes:
        recipe: The recipe's name; ``artifacts/NAME/`` holds the newest release.
        source: A built-in recipe, or the path of the recipe's file relative to the artifacts.
        settings: The settings that were put over the recipe.
        plan: All settings of the run, those by default included.
        name: The name that the user gave to the run; empty without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    source: str = ""
    settings: tuple[str, ...] = ()
    plan: dict[str, Any] = {}
    name: str = ""

    def flatten_plan(self) -> dict[str, Any]:
        """Return each setting by its key, such as ``prune.amount``; a list is one value."""
        return dict(_flatten("", self.plan))


class Run(RunHead):
    """One run of a recipe.

    Attributes:
        number: Its number, which counts all runs of the store; 0 if it has no event.
        started: The time of its start in UTC, as in ISO 8601; empty if it has no event.
        finished: Whether it reached its end; if not, it failed, was interrupted or is not over.
        stopped: Whether it ended after the stage that the user named.
        events: The finished stages, in order.
        earlier: The events of earlier runs for the stages that this run did not reach.
    """

    number: int = 0
    started: str = ""
    finished: bool = False
    stopped: bool = False
    events: tuple[Event, ...] = ()
    earlier: tuple[Event, ...] = ()

    def find_event(self, stage: str, number: int) -> Event | None:
        """Return the event of call ``number`` of ``stage``, counted from 0."""
        return dict(number_calls((*self.events, *self.earlier))).get((stage, number))

    @property
    def verdict(self) -> Event | None:
        """The event of the gate; None if the run did not come so far."""
        last = self.events[-1] if self.events else None
        return last if last is not None and last.stage == "gate" else None

    def read_metrics(self) -> Metrics:
        """Return the metrics of the report; none if there is no verdict, or no report left."""
        report = None if self.verdict is None else self.verdict.path / "report.json"
        if report is None or not report.exists():
            return {}
        return read_metrics(report).metrics

    def has_same_results(self, other: Run) -> bool:
        """Return whether both have the same choices and results."""
        mine, theirs = (
            [(event.stage, event.key, event.digest) for event in run.events]
            for run in (self, other)
        )
        heads = [run.model_dump(include=set(RunHead.model_fields)) for run in (self, other)]
        return mine == theirs and heads[0] == heads[1]


def number_calls(events: tuple[Event, ...]) -> Iterator[tuple[tuple[str, int], Event]]:
    """Yield ((stage, number of its earlier calls), event)."""
    seen: dict[str, int] = {}
    for event in events:
        number = seen.get(event.stage, 0)
        seen[event.stage] = number + 1
        yield (event.stage, number), event


def _flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flatten(f"{path}.{name}" if path else name, inner)
    else:
        yield path, value
