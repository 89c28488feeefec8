"""Time two programs side by side: in turn, warm, pinned to their cores, in several rounds."""

from __future__ import annotations

import gc
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.contract.progress import track
from prunepack.stages.runtime.host import count_preemptions, pin_to_cores
from prunepack.stages.runtime.sessions import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[Any]]
    Opener = Callable[[], Any]
    Times = npt.NDArray[np.float64]

__all__ = ["FEWEST_CROSSINGS", "Plan", "Timed", "stable", "time_side_by_side"]

WARM_UP_MOST = 50
WINDOW = 5
SETTLED = 0.95
"""Warm is when the last ``WINDOW`` runs took at least this share of the ``WINDOW`` before."""

FEWEST_CROSSINGS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is timed.

    Attributes:
        repeats: Runs of each program and input at least, over all rounds.
        rounds: Rounds; in each both programs are opened twice, in either order.
        seconds: What the runs on one input may take; with fewer runs where that is not enough.
        threads: Cores that the programs are pinned to.
        seed: Of the order in which the two run.
    """

    repeats: int = 300
    rounds: int = 6
    seconds: float = 20.0
    threads: int = 1
    seed: int = 0

    @property
    def share(self) -> float:
        """Seconds between two openings, on one input."""
        return self.seconds / (2 * self.rounds)

    def crossings(self, seconds: float) -> int:
        """Return how many crossings of two pairs fit, if a pair takes ``seconds``."""
        wanted = -(-self.repeats // (4 * self.rounds))
        return max(FEWEST_CROSSINGS, min(wanted, int(self.share / (2 * seconds))))


@dataclass(frozen=True, slots=True)
class Timed:
    """What was timed, in ms; along the last axis the dense and the pruned program.

    Attributes:
        opening: Shape (rounds, 2, 1, 1, 2): from the file to a session that is ready.
        runs: Shape (rounds, openings 2, crossings, orders 2, 2) for each input: one run.
        preempted: How often the operating system took the core away, per 100 runs, for each
            input; NaN where it does not say.
        cores: The cores that the runs were pinned to; empty where pinning is not possible.
    """

    opening: Times
    runs: Mapping[int, Times]
    preempted: Mapping[int, float]
    cores: tuple[int, ...]


def time_side_by_side(
    dense: Opener, pruned: Opener, inputs: Mapping[int, Arrays], plan: Plan
) -> Timed:
    """Open and run both programs in turn, each as often before the other as after it.

    Whatever slows the machine for a while slows both, so their ratio holds where an absolute
    time would not.

    Args:
        dense: Opens a session of the dense model.
        pruned: Opens a session of the pruned model.
        inputs: What they are run on, by batch size.
        plan: How often.

    Raises:
        RefusedError: If a session does not take an input.
    """
    generator = np.random.default_rng(plan.seed)
    opening = np.empty((2 * plan.rounds, 2))
    runs: dict[int, list[Times]] = {batch: [] for batch in inputs}
    lost = dict.fromkeys(inputs, 0.0)
    orders = _orders(generator, plan.rounds)
    with pin_to_cores(plan.threads) as cores, _no_collection():
        for index, first in enumerate(track(orders, "timing", len(orders))):
            pair, opening[index] = _open(dense, pruned, first)
            for batch, feed in inputs.items():
                took = _warm_up(pair[:: 1 - 2 * first], feed, plan.share / 4)
                count = len(runs[batch][0]) if runs[batch] else plan.crossings(took)
                times, taken = _time(pair, dict(feed), _orders(generator, count))
                runs[batch].append(times)
                lost[batch] += 100 * taken / len(orders)
            del pair  # before the next is opened: two sessions in memory, not four
    shape = plan.rounds, 2, -1, 2, 2
    arrays = {batch: np.reshape(times, shape) for batch, times in runs.items()}
    return Timed(opening.reshape(plan.rounds, 2, 1, 1, 2), arrays, lost, cores)


def _orders(generator: np.random.Generator, count: int) -> list[int]:
    """Return which program goes first, ``count`` times twice: in one of the two each."""
    drawn = generator.integers(0, 2, count)
    return [int(first) for one in drawn for first in (one, 1 - one)]


def _open(dense: Opener, pruned: Opener, first: int) -> tuple[tuple[Any, Any], list[float]]:
    """Return both sessions and the ms that each took to open."""
    openers = dense, pruned
    sessions: list[Any] = [None, None]
    took = [math.nan, math.nan]
    for side in (first, 1 - first):
        began = time.perf_counter_ns()
        sessions[side] = openers[side]()
        took[side] = (time.perf_counter_ns() - began) / 1e6
    return (sessions[0], sessions[1]), took


def _warm_up(pair: tuple[Any, Any], feed: Arrays, seconds: float) -> float:
    """Run both until neither gets faster, for a bounded time; return what a pair took at last."""
    until = time.perf_counter() + seconds
    seen: list[list[float]] = []
    while not seen or not (stable(seen) or time.perf_counter() > until):
        took = []
        for session in pair:
            began = time.perf_counter()
            run(session, feed)
            took.append(time.perf_counter() - began)
        seen.append(took)
    return float(np.median(seen[-WINDOW:], axis=0).sum())


def stable(seen: list[list[float]]) -> bool:
    """Say whether the last runs of every program were no longer faster than those before."""
    if len(seen) < 2 * WINDOW:
        return False
    before, last = np.median([seen[-2 * WINDOW : -WINDOW], seen[-WINDOW:]], axis=1)
    return len(seen) >= WARM_UP_MOST or bool((last >= SETTLED * before).all())


def _time(pair: tuple[Any, Any], feed: Arrays, orders: list[int]) -> tuple[Times, float]:
    """Return the ms of each run, shape (crossings, orders 2, 2), and how often it was preempted.

    A pair is run again if the system took the core away from it; in all at most as often as
    there are pairs, since a long run cannot be had without.
    """
    times = np.empty((len(orders), 2))
    spare, lost = len(orders), 0.0
    for index, first in enumerate(orders):
        while True:
            before = count_preemptions()
            for side in (first, 1 - first):
                times[index, side] = _timed(pair[side], feed)
            taken = count_preemptions() - before
            lost += taken
            if not (taken > 0 and spare):
                break
            spare -= 1
    return times.reshape(-1, 2, 2), lost / (2 * len(orders) + 2 * (len(orders) - spare))


def _timed(session: Any, feed: Arrays) -> float:
    began = time.perf_counter_ns()
    session.run(None, feed)
    return (time.perf_counter_ns() - began) / 1e6


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector from running while something is timed."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
