"""Measurement of sensitivity by a recipe: curves, suggested rules, and what they compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.pipeline.sensitivity.config import Goal
from prunepack.pipeline.sensitivity.grid import Prober, list_layers, measure_curves
from prunepack.pipeline.sensitivity.sharing import sharing
from prunepack.pipeline.sensitivity.suggestion import Suggester, describe_outcome
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.user_code import is_model_file
from prunepack.stages.details.sensitivity import Sensitivity
from prunepack.stages.load import load
from prunepack.stages.prune import PruneConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runner import Runner
    from prunepack.stages.details.sensitivity import Curve, Suggestion

__all__ = ["measure_sensitivity"]


def measure_sensitivity(plan: Plan, run: Runner) -> Sensitivity:
    """Return the curves of all layers and the rules that they suggest.

    Raises:
        UsageError: If there is nothing to measure, or no rules meet the goal.
        RefusedError: If the model or a sample cannot be used.
    """
    if is_model_file(plan.load.model):
        raise UsageError(
            "sensitivity needs a model in torch",
            expected="load.model with a factory",
            found=f"`{plan.load.model}`",
            hint="Give the model that the file was exported from",
        )
    with sharing():
        model = run(load, plan.load)
        prober = Prober.make(run, plan, model)
        layers = list_layers(model, plan.prune.exclude, plan.sensitivity.layers)
        curves = measure_curves(prober, plan.sensitivity, layers)
        return _conclude(plan, prober, curves)


def _conclude(plan: Plan, prober: Prober, curves: Sequence[Curve]) -> Sensitivity:
    """Suggest rules for each method, and compare them with those of the recipe."""
    own = prober.measure(plan.prune, weigh=True)
    settings = plan.sensitivity
    suggesters = [
        Suggester.make(prober, method, curves, settings.allocation, own.weights)
        for method in settings.methods
    ]
    goal = _choose_goal(settings.goal, own.sparsity, suggesters)
    suggestions = sorted(
        (each.suggest(goal) for each in suggesters), key=lambda each: each.drop.value
    )
    magnitude = prober.measure(_match_magnitude(plan, suggestions[0], own.weights), weigh=True)
    return Sensitivity(
        model=prober.model.digest,
        metric=own.metric,
        samples=own.samples,
        dense=own.dense,
        curves=tuple(curves),
        recipe=describe_outcome(own),
        magnitude=describe_outcome(magnitude),
        suggestions=tuple(suggestions),
    )


def _choose_goal(text: str, sparsity: float, suggesters: Sequence[Suggester]) -> Goal:
    """Return the goal that is set, or the sparsity of the recipe as far as the grid covers it."""
    if text:
        return Goal.parse(text)
    if not sparsity:
        raise UsageError(
            "the recipe prunes nothing, so it gives no goal",
            expected="a goal of the suggested rules",
            found="none",
            hint="Set sensitivity.goal, such as --goal sparsity=0.9",
        )
    highest = min(each.highest for each in suggesters)
    if sparsity <= highest:
        return Goal(kind="sparsity", value=min(round(sparsity, 4), highest))
    remark(
        f"the recipe prunes {100 * sparsity:.4g} % of the weights, the amounts and layers that are "
        f"measured {100 * highest:.4g} %: the suggested rules prune that"
    )
    return Goal(kind="sparsity", value=highest)


def _match_magnitude(plan: Plan, suggestion: Suggestion, weights: int) -> PruneConfig:
    """Return global magnitude with as many zeros as a suggestion."""
    zeros = round(suggestion.sparsity * weights)
    return PruneConfig(amount=zeros, exclude=plan.prune.exclude)
