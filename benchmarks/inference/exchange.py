"""Distance of two cores: how long a cache line takes from one to the other and back.

The cores of a virtual machine may lie in one complex with a common cache or in two, and move in
between. Threads that work on the same tensors are slower in two.
"""

from __future__ import annotations

import os

from benchmarks.inference.programs import run_program

__all__ = ["measure_exchange"]


def measure_exchange() -> int:
    """Return the nanoseconds for the last two cores of this process.

    Raises:
        ValueError: If it has fewer than two.
    """
    cores = sorted(os.sched_getaffinity(0))[-2:]
    if len(cores) < 2:
        raise ValueError("an exchange needs two cores")
    return int(run_program("exchange", ("-O2", "-pthread"), tuple(map(str, cores))))
