"""Record of a run while it goes on, so that a failed run is known as far as it came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prunepack.format import canonical_json
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.runs.run import Run, number_calls
from prunepack.pipeline.runs.run_files import (
    claim_number,
    delete_run,
    locate_run,
    read_last_run,
)

if TYPE_CHECKING:
    from types import TracebackType

    from prunepack.pipeline.cache.store import Store
    from prunepack.pipeline.runs.event import Event
    from prunepack.pipeline.runs.run import RunHead

__all__ = ["Recorder"]


class Recorder:
    """A ``with`` block around a run; leaving it without an exception finishes the run.

    A run that only repeats the one before it, with the same results, takes its number.

    Attributes:
        previous: The run of the recipe before this one.
        run: The run as far as it came.
    """

    def __init__(self, store: Store, head: RunHead) -> None:
        self.previous = read_last_run(store.root, head.recipe)
        self._store = store
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.run = Run(**head.model_dump(), started=started)

    @property
    def events(self) -> tuple[Event, ...]:
        """The finished stages of this run, in order."""
        return self.run.events

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.events and not self.run.stopped:
            self._finish()

    def add(self, event: Event) -> None:
        """Add the event of a stage, and write the record.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        if not self.run.number:
            with explain_write_errors(self._store.root):
                number = claim_number(self._store.runs)
            self.run = self.run.model_copy(update={"number": number})
        self.run = self.run.model_copy(update={"events": (*self.events, event)})
        self._write_unfinished()

    def stop(self) -> None:
        """Write down that the run ends here, because the user asked for no more."""
        self.run = self.run.model_copy(update={"stopped": True})
        self._write_unfinished()

    def _finish(self) -> None:
        self.run = self.run.model_copy(update={"finished": True})
        if self.previous.finished and self.run.has_same_results(self.previous):
            delete_run(self._store.root, self.run.number)
            self.run = self.run.model_copy(update={"number": self.previous.number})
        self._write(self.run)

    def _write_unfinished(self) -> None:
        """Write the record with the events of earlier runs for the stages not reached."""
        self._write(self.run.model_copy(update={"earlier": self._list_earlier()}))

    def _list_earlier(self) -> tuple[Event, ...]:
        now = dict(number_calls(self.events))
        before = number_calls((*self.previous.events, *self.previous.earlier))
        return tuple(event for place, event in before if place not in now)

    def _write(self, run: Run) -> None:
        target = locate_run(self._store.runs, run.number, run.recipe)
        self._store.write(target, canonical_json.dumps(run.model_dump(mode="json")), durable=False)
