"""Cautions on suggested rules: a grid that ends too early, and rules that lose to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.reporting.wording import format_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.details.sensitivity import Outcome, Sensitivity

__all__ = ["list_sensitivity_cautions"]

ROUNDING = 1e-4
"""Amounts of rules are rounded to four decimals."""
SAME = 0.005
"""Difference of two sparsities that are compared as equal ones."""


def list_sensitivity_cautions(measured: Sensitivity) -> list[str]:
    """Return sentences on why the best suggestion should not be used as it is."""
    return [*_find_end_of_grid(measured), *_find_losses(measured)]


def _find_end_of_grid(measured: Sensitivity) -> Iterator[str]:
    best = measured.suggestions[0]
    amounts = {each.layer: each.amount for each in best.amounts}
    curves = [curve for curve in measured.curves if curve.method == best.method]
    if all(amounts.get(c.layer, 0.0) >= c.points[-1].amount - ROUNDING for c in curves):
        largest = max(curve.points[-1].amount for curve in curves)
        yield f"The grid ends at {largest:.4g}, so all layers get it: measure larger amounts."


def _find_losses(measured: Sensitivity) -> Iterator[str]:
    """Yield the rules that prune as much and have a smaller drop, beyond the intervals."""
    best = measured.suggestions[0]
    others = {"the recipe's own rules": measured.recipe, "global magnitude": measured.magnitude}
    for name, other in others.items():
        if other.sparsity >= best.sparsity - SAME and _is_worse(best, other):
            yield (
                f"The suggested rules lose to {name}, beyond the intervals: a drop of "
                f"{format_metric(best.drop)} against {format_metric(other.drop)}."
            )


def _is_worse(one: Outcome, other: Outcome) -> bool:
    low, high = one.drop.low, other.drop.high
    return low is not None and high is not None and low > high
