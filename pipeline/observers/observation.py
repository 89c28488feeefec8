"""Observation of a run by all of its observers; none of them can stop it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.observers.observer import RunObserver
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.metrics.metric import metrics_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from prunepack.pipeline.runs.event import Event
    from prunepack.pipeline.runs.run import RunHead

__all__ = ["Observation"]


class Observation:
    """A ``with`` block around a run; an exception that leaves it is told to the observers.

    Args:
        observers: The observers.
        warn: Called with a sentence for each observer that fails; it is told no more.
    """

    def __init__(self, observers: Iterable[RunObserver], warn: Callable[[str], None]) -> None:
        self._observers, self._warn = [*observers], warn

    def __enter__(self) -> Observation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._tell(RunObserver.fail_run, error)

    def start(self, head: RunHead) -> None:
        """Tell that the run begins."""
        self._tell(RunObserver.start_run, head.recipe, head.name, head.flatten_plan())

    def finish_stage(self, event: Event) -> None:
        """Tell that a stage is finished."""
        times = {"seconds": event.seconds, "reused": event.reused}
        self._tell(RunObserver.finish_stage, event.stage, event.facts, **times)

    def finish(self, report: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        """Tell the end of the run."""
        verdict, metrics = "", {}
        if report is not None and self._observers:
            verdict = report["verdict"]
            metrics = metrics_from_json(report["metrics"], Path("report.json"))
        self._tell(RunObserver.finish_run, verdict, metrics, files)

    def _tell(self, method: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        for observer in [*self._observers]:
            try:
                getattr(observer, method.__name__)(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- an observer may fail in any way
                self._observers.remove(observer)
                name = type(observer).__name__
                self._warn(f"{name} failed and is told no more: {describe_error(error)}")
