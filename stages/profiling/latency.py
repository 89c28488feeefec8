"""Latency of two programs as statistics: a ratio with its interval, and what it allows to say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

__all__ = ["MARGIN", "Ratio", "compare", "latency_metrics", "student_quantile"]

MARGIN = 0.01
"""A smaller difference is never called one: where a session lies in memory makes as much."""

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """How long the pruned program takes beside the dense one.

    Attributes:
        value: Typical pruned / dense of two runs side by side; below 1 is faster.
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
        """``slower``, ``faster`` or ``cannot tell``."""
        return {1: "slower", -1: "faster"}.get(self.sign, "cannot tell")


def compare(times: npt.NDArray[np.float64], seed: int) -> Ratio:
    """Return how much longer the pruned program takes, with a bootstrap interval over rounds.

    A round is a crossover: either program is opened first once, and in each crossing either
    runs first once. What the order does to the times (the second session lies elsewhere in
    memory, the second run finds other things in the cache) so cancels, as does a slow spell of
    the machine, which slows both runs of a pair. Of the pairs of an opening in the same order
    the median counts, which an outlier does not move: none is thrown away. Over the rounds it is
    the mean; or the median too, if an opening has a single pair, as the time to open has.

    Runs are not independent, since a session that happens to lie badly is slow each time, but
    rounds are: each has new sessions. So the interval comes from drawing whole rounds (a
    bootstrap over blocks, Carlstein 1986; over the level at which variation enters, Kalibera
    and Jones, "Rigorous benchmarking in reasonable time", 2013), with quantiles widened for
    their small number (the expanded percentile interval of Hesterberg, "What teachers should
    know about the bootstrap", 2015).

    Args:
        times: Shape (rounds, openings, crossings, orders, 2), at least two rounds; along the
            last axis the dense and the pruned program, in any unit.
        seed: Of the resampling.
    """
    logs = np.log(times[..., 1] / times[..., 0])
    rounds = np.median(logs, axis=2).mean(axis=(1, 2))
    centre = np.mean if logs.shape[2] > 1 else np.median
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(rounds), (RESAMPLES, len(rounds)))
    tail = _expanded_tail(len(rounds))
    value = centre(rounds)
    low, high = np.quantile(centre(rounds[drawn], axis=1), (tail, 1 - tail))
    return Ratio(*np.exp([value, min(low, value), max(high, value)]).tolist())


def _expanded_tail(count: int) -> float:
    """Return the share of resamples beyond each end, for ``count`` independent blocks."""
    upper = (1 + LEVEL) / 2
    wide = math.sqrt(count / (count - 1)) * student_quantile(upper, count - 1)
    return NormalDist().cdf(-wide)


def student_quantile(share: float, freedom: int) -> float:
    """Return a quantile of Student's t, within 1 % from 4 degrees of freedom on.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def latency_metrics(
    name: str, times: npt.NDArray[np.float64], where: str, seed: int, batch: int | None = None
) -> Metrics:
    """Return all that is to be said of paired times under ``name``.

    Args:
        name: What was timed: ``batch_1`` or ``session``.
        times: Shape (rounds, openings, crossings, orders, 2), in ms.
        where: The machine, as a note.
        seed: Of the resampling.
        batch: Samples in one run, for the throughput.
    """
    figures: Metrics = {}
    for side, column in (("dense", 0), ("pruned", 1)):
        p50, p90, p99 = np.quantile(times[..., column], (0.5, 0.9, 0.99)).tolist()
        figures[side] = Metric(p50, "ms", note=where)
        figures[f"{side}_p90"] = Metric(p90, "ms", note=where)
        figures[f"{side}_p99"] = Metric(p99, "ms", note=where)
        if batch is not None:
            note = "at the median time of a run"
            figures[f"{side}_throughput"] = Metric(1000 * batch / p50, "samples/s", note=note)
    ratio = compare(times, seed)
    counted = f"pruned / dense, {len(times)} rounds of {times[0].size // 2} pairs"
    figures["ratio"] = Metric(ratio.value, "×", ratio.low, ratio.high, counted)
    figures["verdict"] = Metric(ratio.sign, note=_reason(ratio))
    return {f"latency.{name}.{what}": metric for what, metric in figures.items()}


def _reason(ratio: Ratio) -> str:
    interval = f"the 95 % interval {ratio.low:.3f}–{ratio.high:.3f}"
    beyond = f"{1 / (1 + MARGIN):.3f}–{1 + MARGIN:.3f}"
    return f"{ratio.verdict}: {interval} is {'' if ratio.sign else 'not '}beyond {beyond}"
