"""Peak resident memory of this process, as its operating system reports it."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Peak", "read_high_water"]


@dataclass(frozen=True, slots=True)
class Peak:
    """Resident memory of a process, in bytes; NaN if the system does not say.

    Attributes:
        before: The peak with Python, onnxruntime and the inputs, before the model is opened.
        peak: The peak after the session has run once.
    """

    before: float
    peak: float


def read_high_water() -> float:
    """Return the peak resident memory of this process in bytes; NaN if the system does not say.

    Linux has it as ``VmHWM`` and Windows as the peak working set. ``ru_maxrss`` of other systems
    also covers the parent that this process was forked from, so it comes last.
    """
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return _read_working_set() or _read_maxrss()


def _read_working_set() -> float | None:
    import psutil

    try:
        peak: int | None = getattr(psutil.Process().memory_info(), "peak_wset", None)
    except (OSError, psutil.Error):
        return None
    return peak


def _read_maxrss() -> float:
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return math.nan
    return float(getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
