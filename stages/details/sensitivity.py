"""Records of sensitivity, as ``sensitivity.json`` and ``report.json`` hold them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prunepack.stages.details.detail_record import DetailRecord
from prunepack.stages.metrics.metric import Metric, Number

__all__ = ["Curve", "CurvePoint", "LayerAmount", "Outcome", "Sensitivity", "Suggestion"]

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class CurvePoint(DetailRecord):
    """One layer alone, pruned by one amount."""

    amount: Fraction
    value: Number = Field(description="The metric of the pruned model.")
    drop: Number = Field(description="The loss from the dense model; below 0 for a gain.")
    low: Number = Field(description="Lower end of the 95 % interval of the drop.")
    high: Number = Field(description="Upper end of the 95 % interval of the drop.")
    error: Number = Field(
        description="Squared error of the judged output, relative to the variance of that output."
    )


class Curve(DetailRecord):
    """The drop of the metric over the amount that is pruned of one layer."""

    layer: str
    method: str
    weights: Count = Field(description="Weights of the layer that pruning can reach.")
    points: tuple[CurvePoint, ...] = Field(description="In the order of their amounts.")


class LayerAmount(DetailRecord):
    """One rule of a suggestion."""

    layer: str
    amount: Fraction


class Outcome(DetailRecord):
    """A model that was pruned by rules in one round, without fine-tuning."""

    sparsity: Fraction = Field(description="Zeros, of all prunable weights.")
    bytes: Count = Field(description="Bytes of the packed weights.")
    value: Metric
    drop: Metric


class Suggestion(Outcome):
    """An amount for each layer that meets the goal, and the model that it gives."""

    method: str
    goal: str = Field(description="The goal, such as sparsity=0.9.")
    amounts: tuple[LayerAmount, ...]


class Sensitivity(DetailRecord):
    """Sensitivity of the layers of a model, and the rules that follow from it."""

    format: Literal["prunepack-sensitivity-1"] = "prunepack-sensitivity-1"
    model: str = Field(description="SHA-256 of the dense checkpoint.")
    metric: str = Field(description="The metric, or accuracy.")
    samples: str = Field(description="The samples and their number.")
    dense: Metric = Field(description="The metric of the dense model.")
    curves: tuple[Curve, ...]
    recipe: Outcome = Field(description="Of the recipe's own rules.")
    magnitude: Outcome = Field(
        description="Of global magnitude, at the sparsity of the first suggestion."
    )
    suggestions: tuple[Suggestion, ...] = Field(description="The smallest drop first.")
