"""Heartbeats of workers: proof that a trial is at work, and the trials whose worker is dead.

A worker raises a count in its trial every few seconds. Others compare the count with what they saw
before on their own clock, so clocks of machines need not agree. A process of the same machine is
known to be dead at once.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from prunepack.pipeline.search.queue.board import BEAT
from prunepack.pipeline.search.queue.processes import is_dead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optuna.trial import Trial

    from prunepack.pipeline.search.queue.board import Attempt

__all__ = ["Watch", "beating"]

LEAST_SECONDS = 0.2


class Watch:
    """Observer of the attempts that others run.

    Args:
        grace: Seconds without a heartbeat after which a worker counts as dead.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._seen: dict[int, tuple[int, float]] = {}

    def find_dead(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Return the running attempts whose worker is dead."""
        running = [each for each in attempts if each.state == "RUNNING"]
        return [each for each in running if is_dead(each.worker) or self._is_silent(each)]

    def _is_silent(self, attempt: Attempt) -> bool:
        now = time.monotonic()
        beat, since = self._seen.get(attempt.place, (-1, now))
        if beat != attempt.beat:
            since = now
        self._seen[attempt.place] = attempt.beat, since
        return now - since > self._grace


@contextmanager
def beating(trial: Trial, grace: float) -> Iterator[None]:
    """Raise the count of a trial inside the block, from a thread of its own."""
    end = Event()
    thread = Thread(target=_beat, args=(trial, max(grace / 6, LEAST_SECONDS), end), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _beat(trial: Trial, pause: float, end: Event) -> None:
    count = 0
    while not end.wait(pause):
        count += 1
        with suppress(Exception):  # the storage may come back; the trial may be another worker's
            trial.set_user_attr(BEAT, count)
