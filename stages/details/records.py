"""Records of the details, as ``measurements.json`` and ``report.json`` hold them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from prunepack.stages.details.detail_record import DetailRecord
from prunepack.stages.details.sensitivity import Sensitivity

__all__ = ["Details", "Histogram", "Layer", "PruningRound"]

Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
KeptRow = Annotated[str, Field(pattern="^[0-9]{1,200}$")]


class Histogram(DetailRecord):
    """Weights of one layer by value, in bins of equal width; exact zeros are not counted."""

    reach: Finite = Field(ge=0, description="The bins cover the values from -reach to reach.")
    dense: tuple[Count, ...] = Field(
        max_length=200, description="Weights of the dense model per bin; empty if not known."
    )
    pruned: tuple[Count, ...] = Field(
        max_length=200, description="Remaining weights of the pruned model per bin."
    )


class Layer(DetailRecord):
    """One weight of two or more dimensions of the pruned model."""

    name: str
    shape: tuple[Count, ...] = Field(description="Outputs, inputs and the other axes.")
    weights: Count
    zeros: Count
    bytes: Count | None = Field(
        description="Bytes in the artifact; null if they are stored with the graph or not at all."
    )
    histogram: Histogram | None = Field(description="Only of the largest layers.")
    mask: tuple[KeptRow, ...] = Field(
        max_length=200,
        description="Remaining weights per block of the weight matrix, a digit per block from 0 "
        "(none) to 9 (all); only of the largest layers.",
    )


class PruningRound(DetailRecord):
    """One round of pruning and fine-tuning."""

    sparsity: Finite = Field(ge=0, le=100, description="Share of zeros after the round, in %.")
    before: Finite = Field(description="Score on the validation split after pruning.")
    after: Finite = Field(description="Score on the validation split after fine-tuning.")
    unit: str = Field(description="'%' for accuracy; empty for a loss.")


class Details(DetailRecord):
    """Facts on a release beside its metrics."""

    recipe: str = Field("", description="Name of the recipe.")
    date: str = Field("", description="Time of the measurement in UTC, in ISO 8601.")
    versions: dict[str, str] = Field({}, description="Versions of libraries by name.")
    rounds: tuple[PruningRound, ...] = ()
    layers: tuple[Layer, ...] = ()
    sensitivity: Sensitivity | None = Field(
        None, description="Of the same dense model, if `prunepack sensitivity` measured it."
    )
