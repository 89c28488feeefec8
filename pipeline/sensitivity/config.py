"""Settings of ``prunepack sensitivity``, which a recipe may hold in its table ``[sensitivity]``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from prunepack.errors import UsageError
from prunepack.stages.contract.stage import Config
from prunepack.stages.contract.user_code import CodeName, is_user_code
from prunepack.stages.pruning.methods import METHODS

__all__ = ["Goal", "GoalKind", "SensitivityConfig"]

GoalKind = Literal["sparsity", "drop", "bytes"]

GOAL = re.compile(r"(sparsity|drop|bytes)\s*=\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)")
FORM = "sparsity=0.9, drop=0.5 or bytes=20000"


def _split_texts(value: Any) -> Any:
    """Split the texts of a list, such as ``0.5,0.9`` from the command line, at commas."""
    if not isinstance(value, str | list | tuple):
        return value
    entries = [value] if isinstance(value, str) else value
    return (
        [
            part.strip()
            for entry in entries
            for part in (entry.split(",") if isinstance(entry, str) else [entry])
            if not isinstance(part, str) or part.strip()
        ]
        if any(isinstance(entry, str) for entry in entries)
        else value
    )


def _check_amount(value: float) -> float:
    if not 0 < value <= 1:
        raise ValueError(f"an amount is a fraction above 0.0 and up to 1.0, found {value:g}")
    return value


class Goal(Config):
    """The overall sparsity, drop or size that suggested rules must meet."""

    kind: GoalKind
    value: float

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Return the goal that a text such as ``sparsity=0.9`` gives.

        Raises:
            ValueError: If the text has another form.
        """
        match = re.fullmatch(
            r"\s*(sparsity|drop|bytes)\s*=\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)\s*", text
        )
        if match is None:
            raise ValueError(f"expected {FORM}, found {text!r}")
        kind, value = match[1], float(match[2])
        if kind == "sparsity" and not 0 < value < 1:
            raise ValueError(f"a sparsity lies between 0.0 and 1.0, found {value:g}")
        if value <= 0:
            raise ValueError(f"a goal is above 0, found {text!r}")
        return cls(kind=kind, value=value)


Amounts = Annotated[tuple[float, ...], BeforeValidator(_split_texts)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_texts)]
Methods = Annotated[tuple[CodeName, ...], BeforeValidator(_split_texts)]


class SensitivityConfig(Config):
    """The grid of `prunepack sensitivity`, its samples, and the goal of the suggested rules."""

    amounts: Amounts = Field(
        (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98),
        min_length=1,
        description="Amounts to prune of each layer alone, as fractions: 0.5,0.9.",
    )
    layers: Names = Field(
        (),
        description="Layers to measure: names or globs. Default: all that prune.exclude does not "
        "name.",
    )
    methods: Methods = Field(
        ("l1_unstructured",),
        min_length=1,
        description="Pruning methods to compare: built-in ones with an amount, or your own.",
    )
    samples: int = Field(
        5000, ge=0, description="Number of samples that each point is measured on; 0 means all."
    )
    split: Literal["auto", "validation", "train", "test"] = Field(
        "auto",
        description="Samples to measure on; auto: the validation split if there is one, else the "
        "train split, else your samples in verify.inputs or the test split.",
    )
    goal: str = Field(
        "",
        description="Goal of the suggested rules: sparsity=0.9, drop=0.5 (of the metric, before "
        "fine-tuning) or bytes=20000 (of the packed weights). Default: the sparsity that the "
        "recipe's own rules reach.",
    )
    allocation: Literal["error", "drop"] = Field(
        "error",
        description="error: the amounts with the smallest sum of the squared errors of the "
        "outputs; drop: the amounts at which every layer alone has the same drop of the metric.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of methods that use random numbers.")

    @field_validator("amounts")
    @classmethod
    def _amounts_are_fractions(cls, amounts: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({_check_amount(amount) for amount in amounts}))

    @field_validator("methods")
    @classmethod
    def _methods_are_known(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for method in methods:
            if not is_user_code(method):
                try:
                    METHODS.check(method)
                except UsageError as error:
                    raise ValueError(str(error)) from None
        return tuple(dict.fromkeys(methods))

    @field_validator("goal")
    @classmethod
    def _goal_has_a_form(cls, goal: str) -> str:
        if goal:
            Goal.parse(goal)
        return goal
