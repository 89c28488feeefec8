"""Ratio of paired times: interval over rounds and processes, and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = [
    "MARGIN",
    "OPENING_SHARE",
    "RUN_SHARE",
    "Ratio",
    "compare_times",
    "estimate_ratio",
    "summarize_rounds",
]

MARGIN = 0.01
"""A smaller difference has no verdict, because the memory addresses of a session cause as much."""

RUN_SHARE, OPENING_SHARE = 0.1, 0.5
"""Variance between processes divided by the variance between rounds of one process, of the
logarithm of a ratio: for runs and for openings, as ``benchmarks/repeated.py`` measures them."""

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


def compare_times(times: Floats) -> Ratio:
    """Return the ratio of paired times, with an interval that covers other processes as well.

    A round is a crossover: each form is opened first once, and in each crossing each form runs
    first once. Effects of the order cancel (the second session has other memory addresses, the
    second run finds another cache), and so does a slow phase of the machine, which slows both
    runs of a pair. The median represents the pairs of an opening in the same order, so an outlier
    does not change it and no run is discarded.

    Args:
        times: Shape (rounds, openings, crossings, orders, 2), with at least two rounds and one
            crossing for times of openings. The last axis holds the dense and the pruned form, in
            any unit.
    """
    return estimate_ratio(summarize_rounds(times), is_run=times.shape[2] > 1)


def estimate_ratio(rounds: Floats, *, is_run: bool) -> Ratio:
    """Return the ratio from its logarithm in each round of one process.

    Runs are not independent, because a session with unlucky addresses is slow in every run. Rounds
    are nearly so, because each opens new sessions: a measurement must be repeated at the level at
    which variation enters (Kalibera and Jones, "Rigorous benchmarking in reasonable time", 2013).
    The mean of rounds of runs has Student's interval. An opening is a single pair and may stall, so
    the median represents its rounds, with the interval of the sign test (Conover, "Practical
    Nonparametric Statistics", 1999, section 3.2).

    Rounds of one process share its memory layout and the state of the machine, as a cluster of a
    sample does, so that other processes differ by more than rounds do. Both intervals are therefore
    widened by the root of the design effect, ``1 + rounds * share`` (Kish, "Survey Sampling", 1965,
    section 5.4). More rounds alone cannot make them narrower than the share permits.
    """
    estimate, share = (_estimate_mean, RUN_SHARE) if is_run else (_estimate_median, OPENING_SHARE)
    center, below, above = estimate(rounds)
    widening = math.sqrt(1 + len(rounds) * share)
    return Ratio(*map(math.exp, (center, center - widening * below, center + widening * above)))


def summarize_rounds(times: Floats) -> Floats:
    """Return the logarithm of the ratio in each round.

    Args:
        times: Shape (rounds, openings, crossings, orders, 2).
    """
    logs = np.log(times[..., 1] / times[..., 0])
    rounds: Floats = np.median(logs, axis=2).mean(axis=(1, 2))
    return rounds


def _estimate_mean(values: Floats) -> tuple[float, float, float]:
    """Return the mean, and its distances to the ends of Student's interval."""
    from scipy import stats

    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    return float(values.mean()), half, half


def _estimate_median(values: Floats) -> tuple[float, float, float]:
    """Return the median, and its distances to the ends of the sign test's interval.

    The interval has the level 93.75 % for five values, since theirs cannot be wider.
    """
    from scipy import stats

    ordered, center = np.sort(values), float(np.median(values))
    rank = max(int(stats.binom.ppf((1 - LEVEL) / 2, len(values), 0.5)), 1)
    return center, center - float(ordered[rank - 1]), float(ordered[-rank]) - center
