"""Progress of a long step, as its caller is told."""

from __future__ import annotations

from collections.abc import Callable

from prunepack.arguments import Kind

__all__ = ["PROGRESS", "Progress", "count_up", "ignore_progress"]

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in total."""

PROGRESS = Kind("a callable", callable, "Pass a function of the bytes done and the bytes in total")
"""A function of the type :data:`Progress` as an argument of a call."""


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
