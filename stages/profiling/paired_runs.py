"""Runs of two sessions in pairs: opening, warm-up, and timing with repeats after a preemption."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.runtime.host import count_preemptions
from prunepack.stages.runtime.sessions import run_session

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.runtime.sessions import Session

    Opener = Callable[[], Session]
    Pair = tuple[Session, Session]
    Times = npt.NDArray[np.float64]


__all__ = ["is_stable", "open_pair", "time_pairs", "warm_up_pair"]


MOST_WARM_UP_RUNS = 50


WINDOW = 5


WARM_RATIO = 0.95
"""Warm-up ends when ``WINDOW`` runs take at least this fraction of the ``WINDOW`` before."""


def open_pair(dense: Opener, pruned: Opener, first: int) -> tuple[Pair, list[float]]:
    """Return both sessions and the time in ms to open each."""
    openers = dense, pruned
    sessions: dict[int, Session] = {}
    took = [math.nan, math.nan]
    for side in (first, 1 - first):
        began = time.perf_counter_ns()
        sessions[side] = openers[side]()
        took[side] = (time.perf_counter_ns() - began) / 1e6
    return (sessions[0], sessions[1]), took


def warm_up_pair(pair: tuple[Session, ...], feed: ArrayMapping, seconds: float) -> float:
    """Run both until neither gets faster, within ``seconds``; return the time of a pair."""
    until = time.perf_counter() + seconds
    seen: list[list[float]] = []
    while not seen or not (is_stable(seen) or time.perf_counter() > until):
        took = []
        for session in pair:
            began = time.perf_counter()
            run_session(session, feed)
            took.append(time.perf_counter() - began)
        seen.append(took)
    return float(np.median(seen[-WINDOW:], axis=0).sum())


def is_stable(seen: list[list[float]]) -> bool:
    """Return whether the last runs of every session were no faster than those before."""
    if len(seen) < 2 * WINDOW:
        return False
    before, last = np.median([seen[-2 * WINDOW : -WINDOW], seen[-WINDOW:]], axis=1)
    return len(seen) >= MOST_WARM_UP_RUNS or bool((last >= WARM_RATIO * before).all())


def time_pairs(pair: Pair, feed: ArrayMapping, orders: list[int]) -> tuple[Times, float]:
    """Return the ms of each run, shape (crossings, orders 2, 2), and the preemptions per run.

    A preempted pair is run again, in total at most as often as there are pairs: no long run is
    without a preemption.
    """
    times = np.empty((len(orders), 2))
    spare, lost = len(orders), 0.0
    for index, first in enumerate(orders):
        while True:
            before = count_preemptions()
            for side in (first, 1 - first):
                times[index, side] = _time_run(pair[side], feed)
            taken = count_preemptions() - before
            lost += taken
            if not (taken > 0 and spare):
                break
            spare -= 1
    return times.reshape(-1, 2, 2), lost / (2 * len(orders) + 2 * (len(orders) - spare))


def _time_run(session: Session, feed: ArrayMapping) -> float:
    began = time.perf_counter_ns()
    session.run(None, feed)
    return (time.perf_counter_ns() - began) / 1e6
