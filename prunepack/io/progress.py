"""Progress of a long step, as its caller is told."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "count_up", "ignore_progress"]

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in total."""


def ignore_progress(done: int, total: int) -> None:
    """Do nothing."""


def count_up(progress: Progress, total: int) -> Callable[[int], None]:
    """Return a function that adds up bytes and calls ``progress`` with their sum and ``total``."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return add
