"""Latency of two sessions side by side: interleaved runs, a ratio with its interval."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.progress import note
from stages.sessions import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[Any]]

__all__ = ["Latency", "compare_latency", "ratio_interval"]

WARM_UP = 10
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of two programs on the same input.

    Attributes:
        dense: Median of one run of the dense model, in ms.
        pruned: Median of one run of the pruned model, in ms.
        ratio: pruned / dense; below 1 is faster.
        low: Lower end of the ratio's 95 % interval.
        high: Upper end.
    """

    dense: float
    pruned: float
    ratio: float
    low: float
    high: float


def compare_latency(dense: Any, pruned: Any, inputs: Arrays, repeats: int, seed: int) -> Latency:
    """Time both sessions on ``inputs``, in turn and in alternating order, ``repeats`` times each.

    Whatever slows the machine for a while slows both, so the ratio holds where an absolute
    time would not.
    """
    feed = dict(inputs)
    for _ in range(WARM_UP):
        run(dense, feed)
        run(pruned, feed)
    times = np.empty((repeats, 2))
    note(f"timing {repeats} runs each on a batch of {next(iter(feed.values())).shape[0]}")
    for index in range(repeats):
        order = ((0, dense), (1, pruned)) if index % 2 else ((1, pruned), (0, dense))
        for column, session in order:
            began = time.perf_counter_ns()
            session.run(None, feed)
            times[index, column] = (time.perf_counter_ns() - began) / 1e6
    medians = np.median(times, axis=0)
    low, high = ratio_interval(times, seed)
    return Latency(float(medians[0]), float(medians[1]), float(medians[1] / medians[0]), low, high)


def ratio_interval(times: npt.NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the ratio of medians (Efron 1979).

    Args:
        times: Shape (repeats, 2): paired times of the dense and the pruned program.
        seed: Of the resampling, which draws whole pairs.
    """
    generator = np.random.default_rng(seed)
    ratios = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = times[generator.integers(0, len(times), len(times))]
        medians = np.median(drawn, axis=0)
        ratios[index] = medians[1] / medians[0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)
