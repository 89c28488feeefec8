"""Latency ratio of two forms: bootstrap interval and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

__all__ = ["MARGIN", "Ratio", "compare_times", "compute_tail", "latency_metrics"]

MARGIN = 0.01
"""A smaller difference has no verdict, because the memory addresses of a session cause as much."""

RESAMPLES = 2000
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
    from scipy import stats

    logs = np.log(times[..., 1] / times[..., 0])
    rounds = np.median(logs, axis=2).mean(axis=(1, 2))
    center = np.mean if logs.shape[2] > 1 else np.median
    interval = stats.bootstrap(
        (rounds,),
        center,
        n_resamples=RESAMPLES,
        confidence_level=1 - 2 * compute_tail(len(rounds)),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    value = center(rounds)
    ends = [value, min(interval.low, value), max(interval.high, value)]
    return Ratio(*np.exp(ends).tolist())


def compute_tail(rounds: int) -> float:
    """Return the fraction of resamples beyond each end of the expanded percentile interval.

    Args:
        rounds: The number of independent blocks, at least two.
    """
    from scipy import stats

    quantile = stats.t.ppf((1 + LEVEL) / 2, rounds - 1)
    return float(stats.norm.cdf(-math.sqrt(rounds / (rounds - 1)) * quantile))


def latency_metrics(
    name: str, times: npt.NDArray[np.float64], host: str, seed: int, batch: int | None = None
) -> Metrics:
    """Return the metrics of paired times, each named ``latency.NAME.…``.

    Args:
        name: The timed operation: ``batch_1`` or ``session``.
        times: Shape (rounds, openings, crossings, orders, 2), in ms.
        host: The machine, for the notes.
        seed: Seed of the resampling.
        batch: The number of samples in one run, for the throughput.
    """
    metrics: Metrics = {}
    for form, column in (("dense", 0), ("pruned", 1)):
        p50, p90, p99 = np.quantile(times[..., column], (0.5, 0.9, 0.99)).tolist()
        metrics[form] = Metric(p50, "ms", note=host)
        metrics[f"{form}_p90"] = Metric(p90, "ms", note=host)
        metrics[f"{form}_p99"] = Metric(p99, "ms", note=host)
        if batch is not None:
            note = "at the median time of a run"
            metrics[f"{form}_throughput"] = Metric(1000 * batch / p50, "samples/s", note=note)
    ratio = compare_times(times, seed)
    note = f"pruned / dense, {len(times)} rounds of {times[0].size // 2} pairs"
    metrics["ratio"] = Metric(ratio.value, "×", ratio.low, ratio.high, note)
    metrics["verdict"] = Metric(ratio.sign, note=_explain_verdict(ratio))
    return {f"latency.{name}.{metric}": value for metric, value in metrics.items()}


def _explain_verdict(ratio: Ratio) -> str:
    interval = f"the 95 % interval {ratio.low:.3f}–{ratio.high:.3f}"
    margin = f"{1 / (1 + MARGIN):.3f}–{1 + MARGIN:.3f}"
    return f"{ratio.verdict}: {interval} is {'' if ratio.sign else 'not '}outside {margin}"
