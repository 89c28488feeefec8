"""Timing of two sessions side by side: in turn, warm, pinned to cores, in several rounds."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.contract.progress import track
from prunepack.stages.profiling.paired_runs import open_pair, time_pairs, warm_up_pair
from prunepack.stages.runtime.host import pin_to_cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.profiling.paired_runs import Opener, Times

__all__ = ["FEWEST_CROSSINGS", "Plan", "Timed", "time_side_by_side"]


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

    def count_crossings(self, seconds: float) -> int:
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
    preempted = dict.fromkeys(inputs, 0.0)
    orders = _draw_orders(generator, plan.rounds)
    with pin_to_cores(plan.threads) as cores, _garbage_collection_off():
        for index, first in enumerate(track(orders, "timing", len(orders))):
            pair, opening[index] = open_pair(dense, pruned, first)
            for batch, feed in inputs.items():
                took = warm_up_pair(pair[:: 1 - 2 * first], feed, plan.share / 4)
                count = len(runs[batch][0]) if runs[batch] else plan.count_crossings(took)
                times, taken = time_pairs(pair, dict(feed), _draw_orders(generator, count))
                runs[batch].append(times)
                preempted[batch] += 100 * taken / len(orders)
            del pair  # before the next is opened: two sessions in memory, not four
    shape = plan.rounds, 2, -1, 2, 2
    arrays = {batch: np.reshape(times, shape) for batch, times in runs.items()}
    return Timed(opening.reshape(plan.rounds, 2, 1, 1, 2), arrays, preempted, cores)


def _draw_orders(generator: np.random.Generator, count: int) -> list[int]:
    """Return which session goes first in ``2 * count`` turns, either one in half of them."""
    drawn = generator.integers(0, 2, count)
    return [int(first) for side in drawn for first in (side, 1 - side)]


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
