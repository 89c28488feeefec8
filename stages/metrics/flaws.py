"""Flaws of limits: the wrong sense, another unit, and thresholds that say nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from prunepack.stages.metrics.catalog import find_description
from prunepack.stages.metrics.directions import find_better, find_range
from prunepack.stages.metrics.limits import format_exact, matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.metrics.limits import Limit
    from prunepack.stages.metrics.metric import Metric

__all__ = ["find_flaw", "find_flaws", "find_measured_flaw"]

MOST_FACTOR = 10.0
"""A limit that allows this factor, or its inverse, is taken for a percentage."""

MOST_DROP = 50.0
"""Points of accuracy that even a model that guesses between two classes does not lose."""

FACTORS = {"<=": ("latency.", "memory."), ">=": ("size.ratio",)}
"""Beginnings of the names of ratios with a limit of this sense on their better side."""

DENSE = (".dense", ".dense_onnx")
"""Ends of the names of the dense model's metrics, which ``dense`` refers to."""


def find_flaws(limits: Sequence[Limit]) -> list[str]:
    """Return a sentence for each limit that says nothing, with its remedy.

    A limit on the worse side of a metric is a flaw unless the better side has a limit too.
    """
    bounded: set[tuple[str, str]] = {(limit.name, limit.sense) for limit in limits}
    return [
        flaw
        for limit in limits
        if (flaw := _find_wrong_sense(limit, bounded) or find_flaw(limit, _find_unit(limit)))
    ]


def find_measured_flaw(limit: Limit, metrics: Mapping[str, Metric]) -> str | None:
    """Return the flaw of a limit on measured metrics, with their units, which a glob has not."""
    names = [name for name in metrics if matches(name, (limit.name,))]
    better = [name for name in names if find_better(name) in {None, limit.sense}]
    if names and not better and limit.is_glob:
        return f"`{limit}` limits the better side of every metric that it matches"
    single = (replace(limit, name=name) for name in better)
    flaws = (find_flaw(each, metrics[each.name].unit) for each in single)
    return next((flaw for flaw in flaws if flaw), None)


def find_flaw(limit: Limit, unit: str) -> str | None:
    """Return the reason why a limit on a metric of this unit says nothing; None if it does."""
    if find_description(limit.name) is None:
        return None
    flaws = (find(limit, unit) for find in (RELATIVE if limit.reference else ABSOLUTE))
    return next((f"`{limit}` {flaw}" for flaw in flaws if flaw), None)


def _find_unit(limit: Limit) -> str:
    row = find_description(limit.name)
    return "" if row is None else row.unit


def _find_wrong_sense(limit: Limit, bounded: set[tuple[str, str]]) -> str | None:
    better = find_better(limit.name) if find_description(limit.name) else None
    if better in {None, limit.sense} or (limit.name, better) in bounded:
        return None
    higher = "higher" if better == ">=" else "lower"
    right = f"{limit.name} {better}{limit.right_side[2:]}"
    return f"`{limit}` limits the better side: {higher} is better. Did you mean `{right}`?"


def _find_fraction(limit: Limit, unit: str) -> str | None:
    if unit != "%" or not 0 < limit.constant <= 1:
        return None
    percent = f"{limit.name} {limit.sense} {format_exact(round(100 * limit.constant, 9))}"
    return f"has a fraction for a metric in %. Did you mean `{percent}`?"


def _find_wrong_threshold(limit: Limit, unit: str) -> str | None:
    low, high = find_range(limit.name, unit)
    threshold, is_upper = limit.constant, limit.sense == "<="
    if threshold < low if is_upper else threshold > high:
        return f"cannot be met: {_describe_range(low, high, unit)}"
    if threshold >= high if is_upper else threshold <= low:
        return _meets_all(_describe_range(low, high, unit))
    if limit.name == "accuracy.drop" and threshold >= MOST_DROP:
        return _meets_all("a model that guesses between two classes loses no more")
    return None


def _find_lenient_ratio(limit: Limit, unit: str) -> str | None:
    is_ratio = unit == "×" and limit.name.startswith(FACTORS[limit.sense])
    return _find_lenient_factor(limit, limit.constant) if is_ratio else None


def _find_itself(limit: Limit, _unit: str) -> str | None:
    by_word = limit.reference == "dense" and limit.name.endswith(DENSE)
    if limit.reference == limit.name or by_word:
        return "compares a metric with itself. Name another metric, baseline or dense"
    return None


def _find_wrong_offset(limit: Limit, unit: str) -> str | None:
    low, high = find_range(limit.name, unit)
    is_lenient = (limit.constant > 0) == (limit.sense == "<=")
    is_large = abs(limit.constant) >= high - max(low, 0)
    return _meets_all(_describe_range(low, high, unit)) if is_lenient and is_large else None


def _find_wrong_factor(limit: Limit, _unit: str) -> str | None:
    if limit.factor <= 0:
        return "has a factor that is not positive. Write a factor such as 1.02"
    same = limit.reference in {"baseline", "dense"}
    return _find_lenient_factor(limit, limit.factor) if same else None


def _find_lenient_factor(limit: Limit, factor: float) -> str | None:
    is_lenient = factor >= MOST_FACTOR if limit.sense == "<=" else factor <= 1 / MOST_FACTOR
    return (
        f"allows a factor of {format_exact(factor)}. Write 1.02 for 102 %" if is_lenient else None
    )


ABSOLUTE = (_find_fraction, _find_wrong_threshold, _find_lenient_ratio)
RELATIVE = (_find_itself, _find_wrong_factor, _find_wrong_offset)


def _meets_all(reason: str) -> str:
    return f"is met by any model: {reason}. Name the metric in gate.skip to leave the check out"


def _describe_range(low: float, high: float, unit: str) -> str:
    shown = f" {unit}" if unit in {"%", "points"} else ""
    if math.isinf(high):
        return f"the metric is {format_exact(low)} or more{shown}"
    return f"the metric is between {format_exact(low)} and {format_exact(high)}{shown}"
