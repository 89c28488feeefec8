"""Several threads at work, and results in order."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

__all__ = ["count_threads", "run_in_order"]

T = TypeVar("T")

WORTH = 4 * 1024**2
"""Bytes of tensors from which on it pays to start threads."""

AHEAD = 2
"""Tasks that are under way or done per thread, before the next result is fetched."""


def count_threads(threads: int | None, nbytes: int) -> int:
    """Return ``threads``, or as many as there are cores that this process may use.

    One is enough for less than :data:`WORTH` bytes of work.
    """
    if nbytes < WORTH:
        return 1
    if threads is not None:
        return max(threads, 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_in_order(tasks: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """Run ``tasks`` in ``threads`` threads and yield their results in the order of the tasks.

    Tasks are drawn from the iterable by the caller's thread, a few ahead of the result that is
    fetched, so that few of them and of their results are in memory. With one thread nothing is
    started: the caller's thread does the work.
    """
    if threads == 1:
        yield from (task() for task in tasks)
        return
    from concurrent.futures import ThreadPoolExecutor  # takes as long to load as a small model

    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[T]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
