"""Metrics of latency: quantiles, throughput, ratio and verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.profiling.ratio import MARGIN, Ratio, compare_times

if TYPE_CHECKING:
    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

__all__ = ["latency_metrics"]


def latency_metrics(
    name: str, times: npt.NDArray[np.float64], host: str, batch: int | None = None
) -> Metrics:
    """Return the metrics of paired times, each named ``latency.NAME.…``.

    Args:
        name: The timed operation: ``batch_1`` or ``session``.
        times: Shape (rounds, openings, crossings, orders, 2), in ms.
        host: The machine, for the notes.
        batch: The number of samples in one run, for the throughput.
    """
    metrics: Metrics = {}
    for form, column in (("dense", 0), ("pruned", 1)):
        metrics |= _summarize_times(form, times[..., column], host, batch)
    ratio = compare_times(times)
    note = f"pruned / dense, {len(times)} rounds of {times[0].size // 2} pairs"
    metrics["ratio"] = Metric(ratio.value, "×", ratio.low, ratio.high, note)
    metrics["verdict"] = Metric(ratio.sign, note=_explain_verdict(ratio))
    return {f"latency.{name}.{metric}": value for metric, value in metrics.items()}


def _summarize_times(
    form: str, times: npt.NDArray[np.float64], host: str, batch: int | None
) -> Metrics:
    """Return the quantiles of one form's times, and its throughput."""
    p50, p90, p99 = np.quantile(times, (0.5, 0.9, 0.99)).tolist()
    metrics = {
        form: Metric(p50, "ms", note=host),
        f"{form}_p90": Metric(p90, "ms", note=host),
        f"{form}_p99": Metric(p99, "ms", note=host),
    }
    if batch is not None:
        note = "at the median time of a run"
        metrics[f"{form}_throughput"] = Metric(1000 * batch / p50, "samples/s", note=note)
    return metrics


def _explain_verdict(ratio: Ratio) -> str:
    interval = f"the 95 % interval {ratio.low:.3f}–{ratio.high:.3f}"
    margin = f"{1 / (1 + MARGIN):.3f}–{1 + MARGIN:.3f}"
    return f"{ratio.verdict}: {interval} is {'' if ratio.sign else 'not '}outside {margin}"
