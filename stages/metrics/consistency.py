"""Consistency of metrics that were read: ranges, intervals, and agreement of several files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prunepack.stages.metrics.files import MetricSet
    from prunepack.stages.metrics.metric import Metric

__all__ = ["check_agreement", "check_plausible"]

RANGES = {
    "%": (0.0, 100.0),
    "points": (-100.0, 100.0),
    "dB": (-math.inf, math.inf),
    "": (-math.inf, math.inf),
}
"""Smallest and largest value of a unit; all others are of counts, sizes, times and ratios."""

SLACK = 1e-9
"""Relative rounding error of a percentage or of the end of an interval."""


def check_plausible(metrics: Mapping[str, Metric], source: Path) -> None:
    """Refuse metrics in ``source`` with a value that no measurement gives; NaN is left to limits.

    Raises:
        RefusedError: If a value is outside the range of its unit or outside its own interval.
    """
    for name, metric in metrics.items():
        low, high = RANGES.get(metric.unit, (0.0, math.inf))
        _check_between(name, metric, low, high, source)
        if metric.low is not None and metric.high is not None:
            _check_between(name, metric, metric.low, metric.high, source, "its interval, ")


def _check_between(
    name: str, metric: Metric, low: float, high: float, source: Path, kind: str = ""
) -> None:
    slack = SLACK * max(1.0, abs(metric.value)) if math.isfinite(metric.value) else 0.0
    if metric.value < low - slack or metric.value > high + slack:  # neither is true of NaN
        raise RefusedError(
            f"the metric `{name}` in `{source}` has a value that no measurement gives",
            expected=f"{kind}{low:g} to {high:g}{' ' if metric.unit else ''}{metric.unit}",
            found=f"{metric.value:g}",
            hint="Measure again",
        )


def check_agreement(known: MetricSet, found: MetricSet, new: str, old: str) -> None:
    """Refuse metrics ``found`` in ``new`` that cannot be judged with those ``known`` from ``old``.

    Raises:
        RefusedError: If they are about other files, of times of another machine, or if a metric
            has two values.
    """
    for digests, others in ((known.digests, found.digests), (known.files, found.files)):
        _check_same_files(digests, others, new, old)
    if known.host and found.host and known.host != found.host:
        raise RefusedError(
            f"{new} and {old} have times of two machines",
            expected=known.host,
            found=found.host,
            hint="Judge each with a command of its own",
        )
    for name in known.metrics.keys() & found.metrics.keys():
        _check_same_value(name, known.metrics[name], found.metrics[name], new, old)


def _check_same_files(
    known: Mapping[str, str], found: Mapping[str, str], new: str, old: str
) -> None:
    for name in known.keys() & found.keys():
        if known[name] != found[name]:
            raise RefusedError(
                f"{new} is of another model than {old}",
                expected=f"{name} {known[name][:12]}…",
                found=f"{found[name][:12]}…",
                hint="Verify and measure the same artifact",
            )


def _check_same_value(name: str, known: Metric, found: Metric, new: str, old: str) -> None:
    """Compare two metrics, apart from their notes; NaN equals NaN."""
    if _list_parts(known) != _list_parts(found):
        raise RefusedError(
            f"{new} and {old} disagree on the metric `{name}`",
            expected=f"{known.value:g}",
            found=f"{found.value:g}",
            hint="Judge only the newer one, or each with a command of its own",
        )


def _list_parts(metric: Metric) -> list[float | str | None]:
    numbers = (metric.value, metric.low, metric.high)
    return [
        metric.unit,
        *("NaN" if one is not None and math.isnan(one) else one for one in numbers),
    ]
