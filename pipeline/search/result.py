"""Result of a trial: the values of the objectives, and the reasons why it may not count."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Curve", "Result", "Score"]

Curve = tuple[tuple[float, float], ...]
"""Sparsity, from 0 to 1, and accuracy on validation in %, after each round of fine-tuning."""


class Score(BaseModel):
    """Value of one objective, with its 95 % interval if it is an estimate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None


class Result(BaseModel):
    """End of a trial, in the form that the storage holds.

    Attributes:
        state: ``finished``; ``stopped`` early, because it was hopeless; ``failed``, because its
            settings cannot be run.
        settings: The values of the trial by setting.
        scores: The values of the objectives by metric; empty unless finished.
        violation: The sum of what the limits are exceeded by, relative to their thresholds; 0 if
            all checks passed.
        unmet: The checks that did not pass.
        curve: The rounds of pruning and fine-tuning.
        artifact: The SHA-256 of the artifact; empty unless finished.
        reason: The reason why the trial was stopped or failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["finished", "stopped", "failed"]
    settings: dict[str, Any] = {}
    scores: dict[str, Score] = {}
    violation: float = 0.0
    unmet: tuple[str, ...] = ()
    curve: Curve = ()
    artifact: str = ""
    reason: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether the trial finished within all limits."""
        return self.state == "finished" and self.violation == 0
