"""Board of a search: the trials, the attempts at each, and the ones that workers lost.

A trial is known by its number, from 0. An attempt is a trial of Optuna, which carries that number
as an attribute. A trial may have several attempts: if a worker dies, or two workers queue the same
trial at the same moment. The first attempt with a result decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.search.result import Result
from prunepack.pipeline.search.sampling import find_generation, find_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from prunepack.pipeline.search.config import Dimension

__all__ = ["Attempt", "Board", "list_open_trials", "queue_trial", "read_board"]

NUMBER, SETTINGS, WORKER, BEAT, RESULT = (
    f"prunepack:{name}" for name in ("number", "settings", "worker", "beat", "result")
)
"""Attributes of Optuna's trials."""

FIXED = "fixed_params"
"""The attribute by which Optuna gives a queued trial its parameters."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One trial of Optuna.

    Attributes:
        place: Optuna's number of it.
        state: ``WAITING``, ``RUNNING``, or any other one at its end.
        worker: The worker that runs it; empty if it is not known yet.
        beat: A count that its worker raises as long as it lives.
    """

    place: int
    state: str
    worker: str
    beat: int

    @property
    def is_live(self) -> bool:
        """Whether a worker runs it, or may take it."""
        return self.state in {"WAITING", "RUNNING"}


@dataclass(frozen=True, slots=True)
class Board:
    """All that workers know about a search.

    Attributes:
        results: The results by number of the trial.
        attempts: The attempts by number of the trial, in the order of their places.
    """

    results: dict[int, Result]
    attempts: dict[int, list[Attempt]]

    def is_taken(self, number: int, before: int | None = None) -> bool:
        """Return whether a trial has a result, or an attempt that is live and has a lower place."""
        attempts = self.attempts.get(number, [])
        live = (each for each in attempts if each.is_live)
        return number in self.results or any(before is None or each.place < before for each in live)


def read_board(study: optuna.Study) -> Board:
    """Read all trials of a study."""
    board = Board({}, {})
    for trial in study.get_trials(deepcopy=False):
        attributes = trial.user_attrs
        if NUMBER not in attributes:
            continue
        number = attributes[NUMBER]
        attempt = Attempt(
            trial.number,
            trial.state.name,
            attributes.get(WORKER, ""),
            attributes.get(BEAT, 0),
        )
        board.attempts.setdefault(number, []).append(attempt)
        if RESULT in attributes and trial.state.is_finished() and number not in board.results:
            board.results[number] = Result.model_validate_json(attributes[RESULT])
    return board


def list_open_trials(board: Board, total: int, size: int) -> list[int]:
    """Return the trials without a result in the first generation that has any."""
    missing = [number for number in range(total) if number not in board.results]
    if not missing:
        return []
    generation = find_generation(missing[0], size)
    return [number for number in missing if find_generation(number, size) == generation]


def queue_trial(
    study: optuna.Study, number: int, settings: Mapping[str, Any], space: Mapping[str, Dimension]
) -> None:
    """Add an attempt at a trial to the queue, where any worker may take it."""
    from optuna.trial import TrialState, create_trial

    attributes = {NUMBER: number, SETTINGS: dict(settings)}
    params = find_params(space, settings)
    fixed = {FIXED: params} if params is not None else {}
    study.add_trial(
        create_trial(state=TrialState.WAITING, user_attrs=attributes, system_attrs=fixed)
    )
