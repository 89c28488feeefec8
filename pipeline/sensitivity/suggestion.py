"""Suggested rules: amounts of the layers that meet a goal, and the model that they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import UsageError
from prunepack.pipeline.sensitivity.allocation import ALLOCATIONS, LayerCurve
from prunepack.pipeline.sensitivity.grid import make_rule
from prunepack.stages.details.sensitivity import LayerAmount, Outcome, Suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunepack.pipeline.sensitivity.config import Goal
    from prunepack.pipeline.sensitivity.grid import Measurement, Prober
    from prunepack.stages.details.sensitivity import Curve
    from prunepack.stages.pruning.rules import Rule

__all__ = ["Suggester", "describe_outcome", "list_rules"]

DIGITS = 4
"""Decimals of an amount."""
STEPS = 8
"""Probes of a search for a goal that must be measured: a drop or a size."""


@dataclass(frozen=True, slots=True)
class Suggester:
    """Search for the amounts of one method that meet a goal.

    Attributes:
        prober: The caller of probes.
        method: The pruning method.
        layers: The curve of each layer.
        allocation: The way in which amounts follow from the curves.
        total: The number of prunable weights of the model; a sparsity is a fraction of them.
    """

    prober: Prober
    method: str
    layers: Mapping[str, LayerCurve]
    allocation: str
    total: int

    @classmethod
    def make(
        cls, prober: Prober, method: str, curves: Sequence[Curve], allocation: str, total: int
    ) -> Suggester:
        """Return the search for one method."""
        layers = {
            curve.layer: LayerCurve(
                curve.weights,
                np.array([point.amount for point in curve.points]),
                np.array([point.error for point in curve.points]),
                np.array([point.drop for point in curve.points]),
            )
            for curve in curves
            if curve.method == method
        }
        return cls(prober, method, layers, allocation, total)

    @property
    def highest(self) -> float:
        """The largest sparsity that the largest amount of every layer gives."""
        pruned = sum(layer.weights * layer.amounts[-1] for layer in self.layers.values())
        return float(pruned) / self.total

    def suggest(self, goal: Goal) -> Suggestion:
        """Return the amounts that meet ``goal``, measured.

        Raises:
            UsageError: If no amounts of the grid meet it.
        """
        sparsity = self._find_sparsity(goal)
        if sparsity is None:
            raise self._explain_goal(goal)
        amounts = self._choose(sparsity)
        measured = self._measure(sparsity)
        return Suggestion(
            method=self.method,
            goal=f"{goal.kind}={goal.value:.6g}",
            amounts=tuple(LayerAmount(layer=name, amount=a) for name, a in amounts.items()),
            **describe_outcome(measured).model_dump(),
        )

    def _find_sparsity(self, goal: Goal) -> float | None:
        if goal.kind == "sparsity":
            return goal.value if goal.value <= self.highest + 1e-9 else None
        if goal.kind == "drop":
            return _bisect(lambda s: self._measure(s).drop.value <= goal.value, self.highest)
        if self._weigh(self.highest) > goal.value:
            return None
        rest = _bisect(lambda rest: self._weigh(self.highest - rest) <= goal.value, self.highest)
        return self.highest - (rest or 0.0)

    def _weigh(self, sparsity: float) -> int:
        return self._measure(sparsity).bytes or 0

    def _choose(self, sparsity: float) -> dict[str, float]:
        """Return the amount of each layer, without layers that stay dense."""
        weights = sum(layer.weights for layer in self.layers.values())
        amounts = ALLOCATIONS[self.allocation](self.layers, sparsity * self.total / weights)
        rounded = {name: round(amount, DIGITS) for name, amount in amounts.items()}
        return {name: amount for name, amount in rounded.items() if amount > 0}

    def list_rules(self, sparsity: float) -> list[Rule]:
        """Return the rules that prune ``sparsity`` of all prunable weights of the model."""
        return [make_rule(name, self.method, a) for name, a in self._choose(sparsity).items()]

    def _measure(self, sparsity: float) -> Measurement:
        return self.prober.measure_rules(self.list_rules(sparsity), weigh=True)

    def _explain_goal(self, goal: Goal) -> UsageError:
        expected = "a drop that some pruning keeps to"
        if goal.kind == "sparsity":
            expected = f"a sparsity of at most {self.highest:.4g}"
        elif goal.kind == "bytes":
            expected = f"at least {self._weigh(self.highest):,} bytes"
        return UsageError(
            f"no amounts of the grid meet the goal of `{self.method}`",
            expected=expected,
            found=f"{goal.kind}={goal.value:.6g}",
            hint="Change sensitivity.goal, or measure larger amounts or more layers",
        )


def _bisect(is_met: Callable[[float], bool], highest: float) -> float | None:
    """Return nearly the largest value up to ``highest`` at which ``is_met`` holds.

    ``is_met`` holds up to one value. Without a value above zero that it holds at, return None.
    """
    if is_met(highest):
        return highest
    low, high = 0.0, highest
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_met(middle) else (low, middle)
    return low or None


def describe_outcome(measured: Measurement) -> Outcome:
    """Return the record of a probe that was weighed."""
    return Outcome(
        sparsity=measured.sparsity,
        bytes=measured.bytes or 0,
        value=measured.value,
        drop=measured.drop,
    )


def list_rules(suggestion: Suggestion) -> list[Rule]:
    """Return the rules of a suggestion."""
    return [make_rule(each.layer, suggestion.method, each.amount) for each in suggestion.amounts]
