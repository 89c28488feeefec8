"""The machine that a time was measured on."""

from __future__ import annotations

import math
import os
import platform
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["count_preemptions", "host_name", "pin_to_cores"]


def host_name() -> str:
    """Return the processor's name and the number of cores this process may use."""
    return f"{_processor()}, {_cores()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def pin_to_cores(count: int) -> Iterator[tuple[int, ...]]:
    """Keep this thread, and the threads it starts, on ``count`` cores inside the block.

    Yields the cores: the last ones that this process may use, since the first serves most
    interrupts. Yields none, and changes nothing, where the system cannot pin.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield ()
        return
    before = os.sched_getaffinity(0)
    cores = sorted(before)[-count:]
    os.sched_setaffinity(0, cores)
    try:
        yield tuple(cores)
    finally:
        os.sched_setaffinity(0, before)


def count_preemptions() -> float:
    """Return how often the system took a core from this thread so far; NaN if it does not count."""
    try:
        from resource import RUSAGE_THREAD, getrusage
    except ImportError:
        return math.nan
    return float(getrusage(RUSAGE_THREAD).ru_nivcsw)
