"""Tasks in several threads, with their results in order."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

__all__ = ["count_cores", "count_threads", "run_in_order"]

T = TypeVar("T")

MIN_PARALLEL_BYTES = 4 * 1024**2
"""Fewer bytes of tensors are not worth the start of a thread."""

TASKS_PER_THREAD = 2
"""Tasks per thread that run or wait to be fetched."""


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count_threads(threads: int | None, nbytes: int) -> int:
    """Return ``threads``, or the number of cores that this process may use.

    The result is 1 for less than :data:`MIN_PARALLEL_BYTES` of work.
    """
    if nbytes < MIN_PARALLEL_BYTES:
        return 1
    if threads is not None:
        return max(threads, 1)
    return count_cores()


def run_in_order(tasks: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """Run ``tasks`` in ``threads`` threads and yield their results in the order of the tasks.

    The caller's thread draws the tasks from the iterable, a few ahead of the result that it
    fetches. So only a few tasks and results are in memory at a time. If ``threads`` is 1, the
    caller's thread does the work itself.
    """
    if threads == 1:
        yield from (task() for task in tasks)
        return
    from concurrent.futures import ThreadPoolExecutor  # takes as long to load as a small model

    pool = ThreadPoolExecutor(threads)
    pending: deque[Future[T]] = deque()
    try:
        for task in tasks:
            pending.append(pool.submit(task))
            if len(pending) > TASKS_PER_THREAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
