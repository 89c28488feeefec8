"""Config of a search: the settings to vary, the objectives, the number of trials."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from prunepack.pipeline.search.objective import Objective
from prunepack.stages.contract.stage import Config

__all__ = ["Dimension", "Number", "SearchConfig"]

Number: TypeAlias = int | float

BOUNDS = {"low", "high", "log", "choices"}
"""Keys of a dimension; a table without any of them holds the rest of a dotted key."""


class Dimension(Config):
    """Values that a setting may take: a range, or a list of choices."""

    low: Number | None = Field(
        None, description="Smallest value. Two whole numbers are a range of integers."
    )
    high: Number | None = Field(None, description="Largest value.")
    log: bool = Field(False, description="Draw from a logarithmic range.")
    choices: tuple[Any, ...] = Field(
        (), description="Values to choose from; a list in place of the table means the same."
    )

    @model_validator(mode="after")
    def _holds_values(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("choices have no low, high and log: give either of them")
            if len({repr(choice) for choice in self.choices}) < len(self.choices):
                raise ValueError("a choice is given twice: give each one once")
            return self
        if self.low is None or self.high is None:
            raise ValueError(
                "expected a range { low = 0.8, high = 0.95 } or a list of choices, found "
                f"{self.model_dump(exclude_unset=True) or 'nothing'}"
            )
        if self.low >= self.high:
            raise ValueError(
                f"the range is empty: expected low < high, found low {self.low} and high "
                f"{self.high}"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range begins above 0, found low {self.low}")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The ends of the range, or all choices."""
        return self.choices or (self.low, self.high)


def _read_dimension(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return {"choices": value}
    return value if isinstance(value, dict | Dimension) else {}


def _flatten(value: Any) -> Any:
    """Join the names of nested tables, which TOML makes of keys without quotes."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and not BOUNDS & inner.keys():
            flat |= {f"{key}.{rest}": each for rest, each in _flatten(inner).items()}
        else:
            flat[key] = inner
    return flat


Values = Annotated[
    Dimension,
    BeforeValidator(_read_dimension, json_schema_input_type=Dimension | list[Any] | dict[str, Any]),
]


class SearchConfig(Config):
    """Settings of `prunepack search`; no stage reads them."""

    space: Annotated[dict[str, Values], BeforeValidator(_flatten)] = Field(
        {},
        description="Settings to vary, by their names: 'prune.amount', 'prune.rules[1].amount', "
        "'finetune.lr'. Each has a range { low = 1e-4, high = 1e-2, log = true } or a list of "
        "choices. Default: the amounts of the recipe, from twice to a quarter of the remaining "
        "weights.",
    )
    objectives: tuple[Objective, ...] = Field(
        (),
        description="Metrics to optimize: 'maximize accuracy.artifact'. Default: accuracy.artifact "
        "(or metric.drop, if verify.metric is yours) and size.artifact.",
    )
    trials: int = Field(40, ge=1, description="Number of trials, with the recipe itself as 0.")
    generation: int = Field(
        8,
        ge=1,
        description="Number of trials that are drawn from the same knowledge and can run at the "
        "same time.",
    )
    seed: int = Field(0, ge=0, description="Seed of the draws.")
    margin: float = Field(
        2.0,
        ge=0,
        description="A trial stops early if another one was more accurate by more than this many "
        "points at no less sparsity; 100: never.",
    )
