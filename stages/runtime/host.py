"""The machine that runs a measurement: its name, its cores, and preemptions of a thread."""

from __future__ import annotations

import math
import os
import platform
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["count_preemptions", "host_name", "pin_to_cores"]


def host_name() -> str:
    """Return the processor's name and the number of cores that this process may use."""
    return f"{_processor_name()}, {len(_allowed_cores()) or os.cpu_count() or 1} cores"


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _allowed_cores() -> list[int]:
    """Return the cores that this process may use; none if the system does not say."""
    import psutil

    try:
        return sorted(psutil.Process().cpu_affinity())
    except (AttributeError, OSError, psutil.Error):  # macOS has no affinity
        return []


def _set_cores(cores: Sequence[int]) -> bool:
    """Keep this process on ``cores``; return whether the system can."""
    import psutil

    try:
        psutil.Process().cpu_affinity(list(cores))
    except (AttributeError, OSError, psutil.Error):
        return False
    return True


@contextmanager
def pin_to_cores(count: int) -> Iterator[tuple[int, ...]]:
    """Keep this thread, and the threads it starts, on ``count`` cores inside the block.

    Yields the cores: the last ones that this process may use, since the first one serves most
    interrupts. Yields none, and changes nothing, if the system cannot pin.
    """
    before = _allowed_cores()
    cores = before[-count:]
    if not (cores and _set_cores(cores)):
        yield ()
        return
    try:
        yield tuple(cores)
    finally:
        _set_cores(before)


def count_preemptions() -> float:
    """Return how often the system has preempted this thread; NaN if it does not count."""
    try:
        from resource import RUSAGE_THREAD, getrusage
    except ImportError:
        return math.nan
    return float(getrusage(RUSAGE_THREAD).ru_nivcsw)
