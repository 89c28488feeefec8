"""Interleaved timing of several functions in one process."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    Seconds = npt.NDArray[np.float64]

__all__ = ["compare_seconds", "pin_to_cores", "time_interleaved"]

RESAMPLES = 2000


def time_interleaved(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Seconds]:
    """Time each function once per round, in an order that alternates from round to round.

    A load on the machine slows all of them alike. The first round is not counted, and the result
    of a function is freed after its time is taken.

    Returns:
        Seconds by function, shape (rounds,).
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name in sorted(ways, reverse=bool(index % 2)):
            began = time.perf_counter()
            result = ways[name]()
            took = time.perf_counter() - began
            del result
            if index:
                taken[name].append(took)
    return {name: np.array(seconds) for name, seconds in taken.items()}


def compare_seconds(slower: Seconds, faster: Seconds) -> dict[str, float]:
    """Return the ratio of the medians of ``slower`` and ``faster``, with an interval.

    The 95 % interval is the percentile bootstrap's (Efron 1979), which draws whole rounds.
    """
    drawn = np.random.default_rng(0).integers(0, len(slower), (RESAMPLES, len(slower)))
    ratios = np.median(slower[drawn], axis=1) / np.median(faster[drawn], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    ratio = float(np.median(slower) / np.median(faster))
    return {"ratio": round(ratio, 2), "low": round(float(low), 2), "high": round(float(high), 2)}


@contextmanager
def pin_to_cores(count: int = 1) -> Iterator[None]:
    """Keep this process on some cores while the block runs, if the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
