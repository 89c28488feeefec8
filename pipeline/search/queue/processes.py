"""Names of workers, by which others on the same machine know whether they are alive."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

__all__ = ["is_dead", "name_worker"]


def name_worker() -> str:
    """Return a name of this process that no other one has: machine, process, time of its start."""
    import psutil

    started = psutil.Process().create_time()
    return f"{_name_machine()}/{os.getpid()}/{started:.2f}"


def _name_machine() -> str:
    """Return the name of the machine with its space of process numbers; a container has its own."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return f"{platform.node()} {space}".replace("/", "").strip()


def is_dead(worker: str) -> bool:
    """Return whether a worker was a process of this machine that does not exist any more."""
    import psutil

    machine, _, rest = worker.partition("/")
    if not rest or machine != _name_machine():
        return False
    number, _, started = rest.partition("/")
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
