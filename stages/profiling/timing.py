"""Timing of two sessions side by side: in turn, warm, pinned to cores, in several rounds."""

from __future__ import annotations

import gc
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.contract.progress import track
from prunepack.stages.runtime.host import count_preemptions, pin_to_cores
from prunepack.stages.runtime.sessions import run_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.runtime.sessions import Session

    Opener = Callable[[], Session]
    Pair = tuple[Session, Session]
    Times = npt.NDArray[np.float64]

__all__ = ["FEWEST_CROSSINGS", "Plan", "Timed", "is_stable", "time_side_by_side"]

MOST_WARM_UP_RUNS = 50
WINDOW = 5
WARM_RATIO = 0.95
"""Warm-up ends when ``WINDOW`` runs take at least this fraction of the ``WINDOW`` before."""

FEWEST_CROSSINGS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of runs and their limits.

    Attributes:
        repeats: Least number of runs per session and input, over all rounds.
        rounds: Rounds; each opens both sessions twice, in either order.
        seconds: Time limit for the runs on one input, which may reduce their number.
        threads: Number of cores that the sessions are pinned to.
        seed: Seed of the order in which the two run.
    """

    repeats: int = 300
    rounds: int = 6
    seconds: float = 20.0
    threads: int = 1
    seed: int = 0

    @property
    def share(self) -> float:
        """Seconds between two openings, per input."""
        return self.seconds / (2 * self.rounds)

    def crossings(self, seconds: float) -> int:
        """Return the number of crossings of two pairs that fit if a pair takes ``seconds``."""
        wanted = -(-self.repeats // (4 * self.rounds))
        return max(FEWEST_CROSSINGS, min(wanted, int(self.share / (2 * seconds))))


@dataclass(frozen=True, slots=True)
class Timed:
    """Times in ms; the last axis is the dense and the pruned session.

    Attributes:
        opening: Shape (rounds, 2, 1, 1, 2): from the file to a session that is ready.
        runs: Shape (rounds, openings 2, crossings, orders 2, 2) for each input: one run.
        preempted: Preemptions per 100 runs, for each input; NaN if the system does not count them.
        cores: The cores that the runs were pinned to; empty if the system cannot pin.
    """

    opening: Times
    runs: Mapping[int, Times]
    preempted: Mapping[int, float]
    cores: tuple[int, ...]


def time_side_by_side(
    dense: Opener, pruned: Opener, inputs: Mapping[int, ArrayMapping], plan: Plan
) -> Timed:
    """Open and run both sessions in turn, each as often before the other as after it.

    A slow spell of the machine slows both, so their ratio is more exact than an absolute time.

    Args:
        dense: Opens a session of the dense model.
        pruned: Opens a session of the pruned model.
        inputs: Inputs of the sessions, by batch size.
        plan: Number of runs.

    Raises:
        RefusedError: If a session does not take an input.
    """
    generator = np.random.default_rng(plan.seed)
    opening = np.empty((2 * plan.rounds, 2))
    runs: dict[int, list[Times]] = {batch: [] for batch in inputs}
    lost = dict.fromkeys(inputs, 0.0)
    orders = _orders(generator, plan.rounds)
    with pin_to_cores(plan.threads) as cores, _garbage_collection_off():
        for index, first in enumerate(track(orders, "timing", len(orders))):
            pair, opening[index] = _open(dense, pruned, first)
            for batch, feed in inputs.items():
                took = _warm_up(pair[:: 1 - 2 * first], feed, plan.share / 4)
                count = len(runs[batch][0]) if runs[batch] else plan.crossings(took)
                times, taken = _time_pairs(pair, dict(feed), _orders(generator, count))
                runs[batch].append(times)
                lost[batch] += 100 * taken / len(orders)
            del pair  # before the next is opened: two sessions in memory, not four
    shape = plan.rounds, 2, -1, 2, 2
    arrays = {batch: np.reshape(times, shape) for batch, times in runs.items()}
    return Timed(opening.reshape(plan.rounds, 2, 1, 1, 2), arrays, lost, cores)


def _orders(generator: np.random.Generator, count: int) -> list[int]:
    """Return which session goes first in ``2 * count`` turns, either one in half of them."""
    drawn = generator.integers(0, 2, count)
    return [int(first) for side in drawn for first in (side, 1 - side)]


def _open(dense: Opener, pruned: Opener, first: int) -> tuple[Pair, list[float]]:
    """Return both sessions and the time in ms to open each."""
    openers = dense, pruned
    sessions: dict[int, Session] = {}
    took = [math.nan, math.nan]
    for side in (first, 1 - first):
        began = time.perf_counter_ns()
        sessions[side] = openers[side]()
        took[side] = (time.perf_counter_ns() - began) / 1e6
    return (sessions[0], sessions[1]), took


def _warm_up(pair: tuple[Session, ...], feed: ArrayMapping, seconds: float) -> float:
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


def _time_pairs(pair: Pair, feed: ArrayMapping, orders: list[int]) -> tuple[Times, float]:
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


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Keep Python's garbage collector off inside the block."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
