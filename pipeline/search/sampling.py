"""Draws of a search: the settings of a trial as a function of seed, number and earlier results.

A trial belongs to a generation, and is drawn from the results of earlier generations alone. So any
number of workers, in any order, draw the same trials as one worker does.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

    from prunepack.pipeline.search.config import Dimension
    from prunepack.pipeline.search.objective import Goal
    from prunepack.pipeline.search.result import Result

__all__ = ["draw_settings", "find_generation", "find_params", "suggest_params", "to_distributions"]

DIGITS = 4
"""Significant digits of a drawn number."""


def find_generation(number: int, size: int) -> int:
    """Return the generation of a trial: 0 is the recipe itself, all others have ``size`` trials."""
    return -(-number // size)


def to_distributions(space: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    """Return the space as Optuna knows it."""
    return {name: _to_distribution(dimension) for name, dimension in space.items()}


def _to_distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if dimension.choices:
        return CategoricalDistribution([_label(choice) for choice in dimension.choices])
    low, high = dimension.extremes
    if dimension.is_whole:
        return IntDistribution(low, high, log=dimension.log)
    return FloatDistribution(low, high, log=dimension.log)


def _label(choice: Any) -> str | int | float | bool:
    """Return a choice as a value that a database can hold."""
    is_plain = isinstance(choice, str | int | float | bool)
    return choice if is_plain else json.dumps(choice, sort_keys=True)


def find_params(
    space: Mapping[str, Dimension], settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return settings as Optuna's parameters; None if one of them is outside of the space."""
    params = {name: _label(settings.get(name)) for name in space}
    for name, dimension in space.items():
        value = params[name]
        if dimension.choices:
            if value not in map(_label, dimension.choices):
                return None
        elif not _is_inside(dimension, value):
            return None
    return params


def _is_inside(dimension: Dimension, value: Any) -> bool:
    low, high = dimension.extremes
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and low <= value <= high and (isinstance(value, int) or not dimension.is_whole)


def suggest_params(trial: Trial, distributions: Mapping[str, BaseDistribution]) -> None:
    """Write the parameters that a queued trial holds into the storage."""
    for name, each in distributions.items():
        values: dict[str, Any] = vars(each)
        if "choices" in values:
            trial.suggest_categorical(name, values["choices"])
        elif isinstance(values["low"], int):
            trial.suggest_int(name, values["low"], values["high"], log=values["log"])
        else:
            trial.suggest_float(name, values["low"], values["high"], log=values["log"])


def draw_settings(
    space: Mapping[str, Dimension],
    goals: Sequence[Goal],
    seed: int,
    number: int,
    earlier: Sequence[Result],
) -> dict[str, Any]:
    """Return the settings of a trial by Optuna's multi-objective TPE sampler with constraints.

    Args:
        space: The values that each setting may have.
        goals: The objectives.
        seed: The seed of the search.
        number: The number of the trial.
        earlier: The results of all earlier generations, in the order of their numbers.
    """
    import optuna

    distributions = to_distributions(space)
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=int.from_bytes(digest[:4]),
            n_startup_trials=5,
            multivariate=True,
            constant_liar=False,
        )
        study = optuna.create_study(sampler=sampler, directions=[goal.direction for goal in goals])
        known = (_to_trial(space, distributions, goals, result) for result in earlier)
        study.add_trials([trial for trial in known if trial is not None])
        params = study.ask(distributions).params
    return {name: _to_value(dimension, params[name]) for name, dimension in space.items()}


def _to_trial(
    space: Mapping[str, Dimension],
    distributions: Mapping[str, BaseDistribution],
    goals: Sequence[Goal],
    result: Result,
) -> FrozenTrial | None:
    """Return a result as Optuna knows it; None if it teaches nothing about the space."""
    from optuna.trial import TrialState, create_trial

    params = find_params(space, result.settings)
    if params is None or result.state == "failed":
        return None
    values = [result.scores[goal.metric].value for goal in goals if result.scores]
    return create_trial(
        state=TrialState.COMPLETE if values else TrialState.PRUNED,
        values=values or None,
        params=params,
        distributions=dict(distributions),
        constraints={"limits": result.violation},
    )


def _to_value(dimension: Dimension, value: Any) -> Any:
    """Return a drawn parameter as the value of a setting."""
    if dimension.choices:
        return next(choice for choice in dimension.choices if _label(choice) == value)
    if dimension.is_whole:
        return value
    low, high = dimension.extremes
    return float(min(max(float(f"{value:.{DIGITS}g}"), low), high))
