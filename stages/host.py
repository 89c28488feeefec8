"""The machine that a time was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["host_name"]


def host_name() -> str:
    """Return the processor's name and the number of cores this process may use."""
    return f"{_processor()}, {_cores()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
