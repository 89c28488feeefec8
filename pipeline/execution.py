"""Execution of a recipe: its stages, the record of the run, and the release."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from prunepack.arguments import is_choice
from prunepack.errors import UsageError, quote
from prunepack.pipeline.build import STAGES, build
from prunepack.pipeline.cache.store import Store
from prunepack.pipeline.observers.loggers import open_observer
from prunepack.pipeline.observers.observation import Observation
from prunepack.pipeline.release.publish import publish
from prunepack.pipeline.runner import Runner, Stopped
from prunepack.pipeline.runs.names import check_run_name
from prunepack.pipeline.runs.recorder import Recorder
from prunepack.pipeline.runs.releases import locate_source, name_release
from prunepack.pipeline.runs.run import Run, RunHead
from prunepack.stages.contract.plugins import suggest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from prunepack.pipeline.observers.observer import RunObserver
    from prunepack.pipeline.recipe import Recipe
    from prunepack.pipeline.runs.event import Event

__all__ = ["RunResult", "Watcher", "execute_recipe"]

REPORT = "report.json"
"""The file that makes a folder of models a release."""

LAST = list(STAGES)[-1]
"""The stage after which a run is at its end: its verdict is the exit code."""


class Watcher(Protocol):
    """A display of the stages of a run."""

    def start(self, stage: str, why: str) -> None:
        """Show that a stage starts, and why it is not reused."""

    def finish(self, event: Event) -> None:
        """Show a finished stage."""

    def warn(self, text: str) -> None:
        """Show something that went wrong beside the run."""


class RunResult(NamedTuple):
    """The end of a run.

    Attributes:
        run: The record of the run.
        folder: The folder of the release.
        published: The files that the run left for people.
        report: The content of the report; None if the run stopped before the gate.
        seconds: Duration of the run.
    """

    run: Run
    folder: Path
    published: Sequence[Path]
    report: dict[str, Any] | None
    seconds: float


def execute_recipe(
    recipe: Recipe,
    artifacts: Path,
    watcher: Watcher,
    *,
    name: str | None = None,
    until: str | None = None,
    force: Collection[str] = (),
    observers: Iterable[RunObserver | str] = (),
) -> RunResult:
    """Carry a model through all stages of a recipe, record the run and publish its release.

    Args:
        recipe: The recipe.
        artifacts: The folder of all runs and their store.
        watcher: Is called at the start and at the end of each stage.
        name: The name of the run; None for a run without a name.
        until: The stage after which to stop.
        force: Stages that run even if their result is stored.
        observers: Those who are told what happens, or their names; none can stop the run.

    Raises:
        UsageError: If a stage or an observer does not exist, or the name cannot be used.
    """
    label = "" if name is None else check_run_name(name)
    _check_stages(*force, *([until] if until else []))
    opened = [open_observer(observer, artifacts) for observer in observers]
    began = time.perf_counter()
    with Store(artifacts) as store, Observation(opened, watcher.warn) as observation:
        head = _describe_run(recipe, label, artifacts)
        observation.start(head)
        with Recorder(store, head) as recorder:
            finish = (recorder.add, watcher.finish, observation.finish_stage)
            runner = _make_runner(store, recorder, recipe, watcher, until, force, finish)
            report = _build(recipe, runner, recorder)
        folder = artifacts / head.recipe
        published = _publish(recorder.run, folder)
        observation.finish(report, published)
    return RunResult(recorder.run, folder, published, report, time.perf_counter() - began)


def _build(recipe: Recipe, runner: Runner, recorder: Recorder) -> dict[str, Any] | None:
    """Return the content of the report; None if the run ends before the gate, as asked."""
    try:
        return build(recipe.plan, runner).content
    except Stopped:
        recorder.stop()
        return None


def _check_stages(*names: str) -> None:
    """Refuse names that no stage has.

    Raises:
        UsageError: If there is one.
    """
    for name in names:
        if not is_choice(name, STAGES):
            hint = suggest_name(str(name), STAGES)
            raise UsageError(f"no stage is named {quote(name)}", hint=hint)


def _make_runner(
    store: Store,
    recorder: Recorder,
    recipe: Recipe,
    watcher: Watcher,
    until: str | None,
    force: Collection[str],
    finish: Iterable[Callable[[Event], None]],
) -> Runner:
    def finish_all(event: Event) -> None:
        for each in finish:
            each(event)

    return Runner(
        store,
        on_event=finish_all,
        on_start=watcher.start,
        force=frozenset(force),
        until=None if until == LAST else until,
        previous=recorder.previous,
        hash_data=recipe.plan.load.hash_data,
    )


def _describe_run(recipe: Recipe, name: str, artifacts: Path) -> RunHead:
    """Return what the record of the run begins with."""
    source = locate_source(recipe.source, artifacts)
    return RunHead(
        recipe=name_release(artifacts, recipe.name, source),
        source=source,
        settings=recipe.settings,
        plan=recipe.plan.model_dump(mode="json", exclude={"search"}),
        name=name,
    )


def _publish(run: Run, folder: Path) -> list[Path]:
    """Publish a run; one that stopped before the gate does not replace a release."""
    if run.verdict is None and (folder / REPORT).exists():
        return []
    return publish(run.events, folder)
