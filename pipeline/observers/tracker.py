"""Tracker: an observer that logs numbers, each with a step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from prunepack.pipeline.observers.observer import RunObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Tracker"]


class Tracker(RunObserver, ABC):
    """Base of the trackers: it picks the finite numbers of stages and metrics.

    Attributes:
        fact_name: The format of the name of a fact, with ``stage`` and ``fact``.
    """

    fact_name: ClassVar[str]

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    @abstractmethod
    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write finite numbers by name."""

    def finish_stage(
        self, stage: str, facts: Mapping[str, Any], *, seconds: float, reused: bool
    ) -> None:
        """Log the numbers of a stage; the step is its round."""
        step = self._calls[stage]
        self._calls[stage] += 1
        times = {} if reused else {"seconds": seconds}
        named = {
            self.fact_name.format(stage=stage, fact=fact): value
            for fact, value in {**facts, **times}.items()
        }
        self.log(named, step)

    def log(self, numbers: Mapping[str, Any], step: int = 0) -> None:
        """Write those of ``numbers`` that are numbers and finite."""
        self.write(
            {
                name: float(value)
                for name, value in numbers.items()
                if isinstance(value, int | float) and math.isfinite(value)
            },
            step,
        )
