"""Worker of a search: takes trials from the queue until each one has a result."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from prunepack.pipeline.search.queue.board import (
    NUMBER,
    RESULT,
    SETTINGS,
    WORKER,
    list_open_trials,
    queue_trial,
    read_board,
)
from prunepack.pipeline.search.queue.heartbeat import Watch, beating
from prunepack.pipeline.search.queue.processes import name_worker
from prunepack.pipeline.search.sampling import (
    draw_settings,
    find_generation,
    find_params,
    suggest_params,
    to_distributions,
)
from prunepack.pipeline.search.space import list_dimensions, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import optuna

    from prunepack.pipeline.recipe import Recipe
    from prunepack.pipeline.search.config import Dimension
    from prunepack.pipeline.search.evaluation import Evaluator
    from prunepack.pipeline.search.objective import Goal
    from prunepack.pipeline.search.queue.board import Board
    from prunepack.pipeline.search.result import Curve, Result

__all__ = ["Observer", "Worker"]

POLL_SECONDS = 0.5
"""Time between two looks at the queue while other workers are busy."""


class Observer(Protocol):
    """A display of the progress of a search."""

    def start_trial(self, number: int, settings: Mapping[str, Any]) -> None:
        """Show that a trial starts."""
        ...

    def end_trial(self, number: int, result: Result) -> None:
        """Show the result of a trial."""
        ...

    def lose_trial(self, number: int) -> None:
        """Show that the worker of a trial is dead, and that the trial is in the queue again."""
        ...


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that works on a search.

    Attributes:
        study: The study.
        recipe: The recipe.
        goals: The objectives.
        evaluator: Runs one trial.
        observer: Shows the progress.
        grace: Seconds without a heartbeat after which a worker counts as dead.
        lock: Held while a trial is taken from the queue.
        name: The name of the process.
    """

    study: optuna.Study
    recipe: Recipe
    goals: Sequence[Goal]
    evaluator: Evaluator
    observer: Observer
    grace: float
    lock: AbstractContextManager[Any] = field(default_factory=nullcontext)
    name: str = field(default_factory=name_worker)

    @property
    def space(self) -> dict[str, Dimension]:
        """The values that each setting may have."""
        return list_dimensions(self.recipe.plan)

    def work(self) -> Board:
        """Run trials until each one has a result; return the board.

        Raises:
            PrunepackError: If the recipe itself cannot be run.
        """
        search, watch = self.recipe.plan.search, Watch(self.grace)
        while True:
            board = read_board(self.study)
            numbers = list_open_trials(board, search.trials, search.generation)
            if not numbers:
                return board
            self._release_lost(board, numbers, watch)
            self._fill_queue(read_board(self.study), numbers)
            if not self._run_next():
                time.sleep(POLL_SECONDS)

    def _release_lost(self, board: Board, numbers: Sequence[int], watch: Watch) -> None:
        """End the attempts whose worker is dead."""
        from optuna.trial import TrialState

        for number in numbers:
            for attempt in watch.find_dead(board.attempts.get(number, [])):
                self.study.tell(attempt.place, state=TrialState.FAIL, skip_if_finished=True)
                self.observer.lose_trial(number)

    def _fill_queue(self, board: Board, numbers: Sequence[int]) -> None:
        """Queue each open trial that has no live attempt."""
        for number in numbers:
            if not board.is_taken(number):
                settings = self._choose_settings(board, number)
                queue_trial(self.study, number, settings, self.space)

    def _choose_settings(self, board: Board, number: int) -> dict[str, Any]:
        search = self.recipe.plan.search
        if number == 0:
            return read_settings(self.recipe.plan, self.space)
        earlier = [result for _, result in self._list_earlier(board, number)]
        return draw_settings(self.space, self.goals, search.seed, number, earlier)

    def _list_earlier(self, board: Board, number: int) -> list[tuple[int, Result]]:
        """Return the results of earlier generations in the order of their numbers."""
        size = self.recipe.plan.search.generation
        own = find_generation(number, size)
        return [
            (other, result)
            for other, result in sorted(board.results.items())
            if find_generation(other, size) < own
        ]

    def _run_next(self) -> bool:
        """Run the next trial of the queue; return whether there was any."""
        from optuna.trial import TrialState

        with self.lock:
            if not self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                return False
            trial = self.study.ask()
        number = trial.user_attrs.get(NUMBER)
        if number is None:  # another worker has taken the last one
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        trial.set_user_attr(WORKER, self.name)
        board = read_board(self.study)
        if board.is_taken(number, before=trial.number):
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            return True
        try:
            with beating(trial, self.grace):
                self._run(trial, number, board)
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        return True

    def _run(self, trial: optuna.Trial, number: int, board: Board) -> None:
        settings: dict[str, Any] = trial.user_attrs[SETTINGS]
        self.observer.start_trial(number, settings)
        curves: list[tuple[int, Curve]] = [
            (other, result.curve) for other, result in self._list_earlier(board, number)
        ]
        result = self.evaluator.evaluate(number, settings, curves)
        self._store_result(trial, result)
        self.observer.end_trial(number, result)

    def _store_result(self, trial: optuna.Trial, result: Result) -> None:
        """Write a result; another worker may have taken the trial for lost meanwhile."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        states = {"finished": TrialState.COMPLETE, "stopped": TrialState.PRUNED}
        values = [result.scores[goal.metric].value for goal in self.goals if result.scores]
        try:
            if find_params(self.space, result.settings) is not None:
                suggest_params(trial, to_distributions(self.space))
            trial.set_constraint("limits", result.violation)
            trial.set_user_attr(RESULT, result.model_dump_json())
        except UpdateFinishedTrialError:
            return
        state = states.get(result.state, TrialState.FAIL)
        self.study.tell(trial, values or None, state=state, skip_if_finished=True)
