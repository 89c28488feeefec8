"""Findings of a search: the front of the best trials, and ``search.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.pipeline.search.objective import Goal
    from prunepack.pipeline.search.result import Result

__all__ = ["Findings"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """All results of a search.

    Attributes:
        recipe: The name of the recipe.
        source: The recipe as the command line names it.
        study: The name of the study.
        goals: The objectives.
        results: The results by number of the trial.
    """

    recipe: str
    source: str
    study: str
    goals: Sequence[Goal]
    results: Mapping[int, Result]

    @property
    def front(self) -> list[int]:
        """The trials within all limits that no other one beats in every objective."""
        valid = [number for number, result in sorted(self.results.items()) if result.is_valid]
        return [
            number for number in valid if not any(self._dominates(other, number) for other in valid)
        ]

    @property
    def better(self) -> list[int]:
        """The trials within all limits that beat the recipe, trial 0, in an objective at least.

        They are not worse in any other one; the first is the best in the last objective.
        """
        base = self.results.get(0)
        if base is None or not base.scores:
            return []
        found = [number for number in self.front if self._beats_recipe(number)]
        return sorted(found, key=lambda number: self._rank(self.results[number])[-1])

    def find(self, number: int) -> Result:
        """Return the result of a trial.

        Raises:
            UsageError: If there is none.
        """
        if number not in self.results:
            raise UsageError(
                f"the study `{self.study}` has no trial {number} with a result",
                expected=f"one of {len(self.results)} trials, such as {self._example()}",
                found=number,
                hint="Look for its number in search.html or search.json of the release",
            )
        return self.results[number]

    def _example(self) -> str:
        return ", ".join(map(str, (self.front or sorted(self.results))[:3])) or "none yet"

    def _rank(self, result: Result) -> tuple[float, ...]:
        """Return the values of the objectives so that smaller ones are better."""
        return tuple(goal.sign * result.scores[goal.metric].value for goal in self.goals)

    def _dominates(self, other: int, number: int) -> bool:
        """Return whether ``other`` beats a trial; of two equal ones, the earlier one does."""
        mine, theirs = self._rank(self.results[number]), self._rank(self.results[other])
        no_worse = all(b <= a for a, b in zip(mine, theirs, strict=True))
        return no_worse and (mine != theirs or other < number)

    def _beats_recipe(self, number: int) -> bool:
        base, mine = self._rank(self.results[0]), self._rank(self.results[number])
        return mine != base and all(b <= a for a, b in zip(base, mine, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return all results as JSON values, which do not depend on who found them."""
        return {
            "format": FORMAT,
            "recipe": self.recipe,
            "study": self.study,
            "objectives": [str(goal) for goal in self.goals],
            "front": self.front,
            "better_than_recipe": self.better,
            "trials": [
                {"trial": number, **result.model_dump(mode="json")}
                for number, result in sorted(self.results.items())
            ],
        }
