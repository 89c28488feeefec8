"""Locks of the store: runs side by side, and objects that one run changes at a time.

Each run holds a lock on a file of its own, the first of ``locks/0.lock``, ``locks/1.lock``, … that
is free. A run is alone if all the others are free. The operating system frees the lock of a killed
run.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["StoreLocks"]

POLL_SECONDS = 0.01
"""Time between two attempts to take a lock that another run holds."""


class StoreLocks:
    """The locks that one run takes.

    Args:
        folder: The folder of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places = folder / "locks"
        self._places.mkdir(exist_ok=True)
        self._place: FileLock | None = None

    def join(self) -> None:
        """Take a place among the runs, inside a block of :meth:`hold_entry`."""
        for number in count():
            place = _lock(self._places / f"{number}.lock")
            if _try_lock(place):
                self._place = place
                return

    def leave(self) -> None:
        """Give the place back."""
        if self._place is not None:
            self._place.release()

    def has_others(self) -> bool:
        """Return whether other runs have a place, inside a block of :meth:`hold_entry`."""
        own = None if self._place is None else self._place.lock_file
        for path in self._places.glob("*.lock"):
            place = _lock(path)
            if place.lock_file == own:
                continue
            if not _try_lock(place):
                return True
            place.release()
        return False

    @contextmanager
    def hold_entry(self) -> Iterator[None]:
        """Let no other run join inside the block."""
        with _lock(self._folder / "lock").acquire(poll_interval=POLL_SECONDS):
            yield

    @contextmanager
    def hold_objects(self) -> Iterator[None]:
        """Let no other run change objects inside the block."""
        with _lock(self._folder / "objects.lock").acquire(poll_interval=POLL_SECONDS):
            yield


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)


def _try_lock(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
