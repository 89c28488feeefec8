"""Runs of recipes, and their results."""

from __future__ import annotations

import json
import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.arguments import NAME, NAMES, PATH, check_arguments, make_optional
from prunepack.errors import UsageError
from prunepack.training.settings import require_build

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from prunepack.pipeline.execution import RunResult
    from prunepack.pipeline.observers.observer import RunObserver
    from prunepack.pipeline.runs.event import Event
    from prunepack.reading.artifact import Artifact
    from prunepack.scripting.plots import Plot
    from prunepack.stages.metrics.metric import Metric

__all__ = ["Run", "run"]

_log = logging.getLogger("prunepack")

OBSERVERS = NAMES._replace(
    expected="a list of observers or their names",
    hint='Pass the observers in a list, such as ["tensorboard"]',
)


class Run:
    """One run of a recipe, with its results. Notebooks show its verdict and its gains.

    Attributes:
        number: The number of the run, as ``prunepack ls`` lists it.
        name: The name of the run; empty without one.
        recipe: The name of the recipe's release.
        path: The folder of the release, ``artifacts/RECIPE/``; the folder of the last stage's
            result if the run stopped before the gate.
        report: The content of ``report.json``; None if the run stopped before the gate.
    """

    def __init__(self, result: RunResult) -> None:
        """Hold the result; callers use :func:`run`."""
        self._events = result.run.events
        self.number, self.name, self.recipe = result.run.number, result.run.name, result.run.recipe
        self.path = self._events[-1].path if result.report is None else result.folder
        self.report: dict[str, Any] | None = None
        if result.report is not None:
            self.report = json.loads((self.path / "report.json").read_bytes())

    @property
    def passed(self) -> bool:
        """Whether all checks of the gate passed; False if the run stopped before the gate."""
        return self.report is not None and self.report["verdict"] == "passed"

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Each metric by name, with ``value``, ``unit``, ``low``, ``high`` and ``note``."""
        from prunepack.stages.metrics.metric import metrics_from_json

        return {} if self.report is None else metrics_from_json(self.report["metrics"], self.path)

    @cached_property
    def artifact(self) -> Artifact:
        """The artifact, open for reading.

        Raises:
            UsageError: If the run stopped before the stage ``pack``.
        """
        from prunepack.reading.artifact import Artifact

        packed = [event for event in self._events if event.stage == "pack"]
        if not packed:
            raise UsageError(
                f"run {self.number} has no artifact",
                expected="a run that reached the stage pack",
                found=f"one that stopped after {self._events[-1].stage}",
                hint="Run the recipe without until",
            )
        return Artifact.open(packed[-1].path / "model.prunepack")

    @check_arguments(name=NAME)
    def plot(self, name: str) -> Plot:
        """Return a picture of the report by its name in ``plots.json``, such as ``sizes``.

        Raises:
            UsageError: If the run has no such picture; the error lists those that it has.
        """
        from prunepack.scripting.plots import draw_plot

        return draw_plot(self, name)

    @property
    def summary(self) -> str:
        """The verdict in one line, or the stage after which the run stopped."""
        if self.report is None:
            return f"stopped after {self._events[-1].stage}"
        return str(self.report["summary"])

    def __repr__(self) -> str:
        return f"<prunepack.Run {self.number} of {self.recipe}: {self.summary}>"

    def _repr_html_(self) -> str:
        from prunepack.scripting.plots import describe_run

        return describe_run(self)


@check_arguments(
    recipe=PATH,
    artifacts=PATH,
    name=make_optional(NAME),
    until=make_optional(NAME),
    force=NAMES,
    observers=OBSERVERS,
)
def run(
    recipe: str | os.PathLike[str],
    *,
    artifacts: str | os.PathLike[str] = "artifacts",
    name: str | None = None,
    until: str | None = None,
    force: Collection[str] = (),
    observers: Iterable[RunObserver | str] = (),
    **tables: Mapping[str, Any],
) -> Run:
    """Carry a model through all stages of a recipe, as ``prunepack run`` does.

    A run whose gate fails is returned too: look at its ``passed``. Assumptions of stages are logged
    as warnings of the logger ``prunepack``, and starts of stages as information.

    Args:
        recipe: A built-in recipe, a ``.toml`` file, or an ``.onnx`` file or an artifact to prune.
        artifacts: The folder of all runs and their store.
        name: Name of the run, for ``prunepack ls``: a plain word of up to 100 characters.
        until: The stage after which to stop.
        force: Stages to run again even if nothing changed.
        observers: Each a :class:`prunepack.RunObserver`, or a name that ``--log`` takes.
        **tables: Settings over those of the recipe, one dictionary per table:
            ``prune={"amount": 0.95}, gate={"limits": ["accuracy.drop <= 1"]}``.

    Raises:
        UsageError: If the recipe, a setting or the name is wrong.
        RefusedError: If the model cannot be carried through the stages.
    """
    with require_build("prunepack.run cannot be called"):
        from prunepack.pipeline.execution import execute_recipe
        from prunepack.pipeline.recipe import read_recipe
    chosen = read_recipe(os.fsdecode(recipe), tuple(_list_settings(tables)))
    folder, watcher = Path(artifacts), _LogWatcher()
    return Run(
        execute_recipe(
            chosen, folder, watcher, name=name, until=until, force=force, observers=observers
        )
    )


def _list_settings(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the settings as ``prunepack run --set`` takes them."""
    from prunepack.pipeline.recipe_text import format_value

    for table, settings in tables.items():
        if not hasattr(settings, "items"):
            raise UsageError(
                f"the table `{table}` cannot be set",
                expected=f'settings by name, such as {table}={{"key": 1}}',
                found=f"{table}={settings!r}",
            )
        for key, value in settings.items():
            yield f"{table}.{key}={format_value(value)}"


class _LogWatcher:
    """Log of the stages of a run."""

    def start(self, stage: str, why: str) -> None:
        """Log the start of a stage."""
        _log.info("%s … (%s)", stage, why)

    def finish(self, event: Event) -> None:
        """Log the assumptions of a stage, and its result."""
        for text in event.notes:
            _log.warning("%s: %s", event.stage, text)
        _log.info("%s: %s", event.stage, event.facts["summary"])

    def warn(self, text: str) -> None:
        """Log something that went wrong beside the run."""
        _log.warning(text)
