"""Space of a search: names of settings, their values in the tables of a recipe, their checks."""

from __future__ import annotations

import copy
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.pipeline.search.config import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from prunepack.pipeline.plan import Plan
    from prunepack.stages.pruning.rules import Rule

__all__ = ["find_problems", "list_dimensions", "put_settings", "read_settings"]

Path = tuple[str | int, ...]

_PART = re.compile(r"(\w+)((?:\[[1-9]\d*\])*)")

FIXED = {"search", "gate", "verify", "measure"}
"""Tables that a trial must not change, because they judge it."""

ONE_SHOT = "one_shot"
"""The schedule of a single round."""

UNRANKED = {"none", "identity", "n_m", "custom_from_mask", "wanda_n_m", "admm_n_m"}
"""Methods without an amount."""

WIDER, NARROWER = 2.0, 0.25
"""Factors on the remaining weights of the recipe at the ends of the usual space."""


def list_dimensions(plan: Plan) -> dict[str, Dimension]:
    """Return the space of a plan by the names of settings: its own, or its amounts."""
    if plan.search.space:
        return dict(plan.search.space)
    rules = plan.prune.rules
    named = {f"prune.rules[{n}].amount": rule for n, rule in enumerate(rules, 1)}
    found = named or {"prune.amount": plan.prune}
    return {
        name: _surround(rule)
        for name, rule in found.items()
        if rule.method not in UNRANKED and rule.amount
    }


def _surround(rule: Rule) -> Dimension:
    """Return a range around the amount of a rule."""
    amount = rule.amount
    if isinstance(amount, int):
        return Dimension(low=max(amount // 2, 1), high=2 * amount + 1)
    left = 1 - amount
    low, high = max(1 - WIDER * left, 0.0), 1 - NARROWER * left
    return (
        Dimension(low=round(low, 6), high=round(high, 6)) if left else Dimension(low=0.5, high=1.0)
    )


def put_settings(tables: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a recipe with ``settings`` in them, and without the search.

    A schedule of one round has one step and every other one at least two, so that a space of
    schedules and steps holds no contradictions.

    Args:
        tables: The recipe; it stays as it is.
        settings: Values by name, such as ``prune.amount``.
    """
    changed = _put_values(tables, settings)
    if {"prune.schedule", "prune.steps"} & settings.keys():
        _fit_steps(changed.setdefault("prune", {}))
    return changed


def _put_values(tables: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name: copy.deepcopy(table) for name, table in tables.items() if name != "search"}
    for name, value in settings.items():
        _put(changed, _parse(name), value)
    return changed


def _fit_steps(prune: dict[str, Any]) -> None:
    if prune.get("schedule", ONE_SHOT) == ONE_SHOT:
        prune.pop("steps", None)
    else:
        prune["steps"] = max(prune.get("steps", 2), 2)


def read_settings(plan: Plan, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a plan itself has for ``names``."""
    values = plan.model_dump(mode="json")
    return {name: _get(values, _parse(name)) for name in names}


def find_problems(tables: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Yield a line for each name or value in the space that no recipe may have."""
    for name, dimension in plan.search.space.items():
        try:
            path = _parse(name)
        except ValueError as error:
            yield f"search.space: {error}"
            continue
        if path[0] in FIXED:
            yield f"search.space: {name} judges the trials, so it cannot be searched"
            continue
        lines = (_find_problem(tables, name, path, value) for value in dimension.extremes)
        yield from dict.fromkeys(f"search.space: {line}" for line in lines if line)


def _find_problem(tables: Mapping[str, Any], name: str, path: Path, value: Any) -> str:
    """Return the problem of one value; empty if it only contradicts others."""
    from prunepack.pipeline.plan import Plan
    from prunepack.stages.contract.messages import describe_problem

    try:
        Plan.model_validate(_put_values(tables, {name: value}))
    except IndexError as error:
        return f"{name}: {error}"
    except (TypeError, AttributeError):
        return f"{name}: no such setting; a value is in the place of a table"
    except ValidationError as error:
        for problem in error.errors():
            if _concerns(problem, path):
                return describe_problem(problem, Plan)
    return ""


def _concerns(problem: ErrorDetails, path: Path) -> bool:
    """Return whether a problem is one of the value at ``path``, or of the path itself.

    A problem of a table whose keys contradict one another is one of their combination.
    """
    from prunepack.pipeline.plan import Plan
    from prunepack.stages.contract.messages import list_keys

    place = problem["loc"]
    length = min(len(place), len(path))
    if not place or place[:length] != path[:length]:
        return False
    if len(place) >= len(path) or problem["type"] != "value_error":
        return True
    return path[len(place)] not in list_keys(Plan, place)


def _parse(name: str) -> Path:
    """Return the keys and the positions, from 0, in a name such as ``prune.rules[1].amount``.

    Raises:
        ValueError: If it is not a name of this form.
    """
    path: list[str | int] = []
    for part in name.split("."):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{name!r} is not the name of a setting: expected TABLE.KEY, such as "
                "prune.amount or prune.rules[1].amount"
            )
        path += [match[1], *(int(number) - 1 for number in re.findall(r"\d+", match[2]))]
    if len(path) < 2:
        raise ValueError(f"{name!r} is a table: name a setting in it, such as prune.amount")
    return tuple(path)


def _put(tables: dict[str, Any], path: Path, value: Any) -> None:
    place: Any = tables
    for part, following in pairwise(path):
        place = _enter(place, part, following)
    place[path[-1]] = value


def _enter(place: Any, part: str | int, following: str | int) -> Any:
    """Return what is at ``part``; make it if it is the place of a key.

    Raises:
        IndexError: If a list is too short.
    """
    if isinstance(part, int):
        if part >= len(place):
            raise IndexError(f"the recipe has {len(place)} of them, found number {part + 1}")
        return place[part]
    return place.setdefault(part, [] if isinstance(following, int) else {})


def _get(place: Any, path: Path) -> Any:
    for part in path:
        try:
            place = place[part]
        except (KeyError, IndexError, TypeError):
            return None
    return place
