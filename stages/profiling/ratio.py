"""Ratio of paired times: bootstrap interval over rounds and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.intervals import bootstrap

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MARGIN", "Ratio", "compare_times", "compute_tail"]

MARGIN = 0.01
"""A smaller difference has no verdict, because the memory addresses of a session cause as much."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """The time of the pruned form divided by the time of the dense form.

    Attributes:
        value: Typical ratio of two adjacent runs; below 1 is faster.
        low: Lower end of its 95 % interval; never above ``value``.
        high: Upper end; never below ``value``.
    """

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 where the whole interval is slower by more than ``MARGIN``, -1 faster, else 0."""
        return (self.low > 1 + MARGIN) - (self.high < 1 / (1 + MARGIN))

    @property
    def verdict(self) -> str:
        """``slower``, ``faster`` or ``undecided``."""
        return {1: "slower", -1: "faster"}.get(self.sign, "undecided")


def compare_times(times: npt.NDArray[np.float64], seed: int) -> Ratio:
    """Return the ratio of paired times, with a bootstrap interval over rounds.

    A round is a crossover: each form is opened first once, and in each crossing each form runs
    first once. Effects of the order cancel (the second session has other memory addresses, the
    second run finds another cache), and so does a slow phase of the machine, which slows both
    runs of a pair. The median represents the pairs of an opening in the same order, so an outlier
    does not change it and no run is discarded. The mean represents the rounds, or the median if
    an opening has a single pair, as the time to open has.

    Runs are not independent, because a session with unlucky addresses is slow in every run. Rounds
    are independent, because each opens new sessions. The interval therefore resamples whole rounds
    (a bootstrap over blocks, Carlstein 1986; over the level at which variation enters, Kalibera
    and Jones, "Rigorous benchmarking in reasonable time", 2013). Its quantiles are expanded for
    the small number of rounds (the expanded percentile interval of Hesterberg, "What teachers
    should know about the bootstrap", 2015).

    Args:
        times: Shape (rounds, openings, crossings, orders, 2), with at least two rounds. The last
            axis holds the dense and the pruned form, in any unit.
        seed: Seed of the resampling.
    """
    logs = np.log(times[..., 1] / times[..., 0])
    rounds = np.median(logs, axis=2).mean(axis=(1, 2))
    center = np.mean if logs.shape[2] > 1 else np.median
    ends = bootstrap(rounds, center, seed, level=1 - 2 * compute_tail(len(rounds)))
    return Ratio(*np.exp([center(rounds), *ends]).tolist())


def compute_tail(rounds: int) -> float:
    """Return the fraction of resamples beyond each end of the expanded percentile interval.

    Args:
        rounds: The number of independent blocks, at least two.
    """
    from scipy import stats

    quantile = stats.t.ppf((1 + LEVEL) / 2, rounds - 1)
    return float(stats.norm.cdf(-math.sqrt(rounds / (rounds - 1)) * quantile))
