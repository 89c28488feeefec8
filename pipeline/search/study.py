"""Study of a search: the trials of one recipe in a storage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError, quote
from prunepack.format import canonical_json
from prunepack.io.json_files import parse_object
from prunepack.pipeline.runs.differences import compare_values
from prunepack.pipeline.search.storage import (
    explain_storage_errors,
    mask_password,
    open_storage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna

    from prunepack.pipeline.search.objective import Goal

__all__ = ["open_study"]

PLAN = "prunepack:plan"
"""Attribute of a study that holds the settings of its recipe."""


def open_study(
    place: str, name: str, plan: dict[str, Any], goals: Sequence[Goal], *, creates: bool
) -> optuna.Study:
    """Open a study, or begin it.

    Args:
        place: The URL of a database, or the path of an SQLite file or of a journal.
        name: The name of the study.
        plan: The settings of the recipe, as JSON values.
        goals: The objectives.
        creates: Whether to begin the study if there is none.

    Raises:
        UsageError: If the storage cannot be used, there is no such study, or it is that of another
            recipe.
    """
    import optuna

    with explain_storage_errors(place):
        storage = open_storage(place, creates=creates)
        known = optuna.get_all_study_names(storage)
        if name not in known and not creates:
            raise UsageError(
                f"`{mask_password(place)}` has no study {quote(name)}",
                expected="a search that another worker has begun",
                found=", ".join(map(quote, known)) or "no study",
                hint="Begin it with --storage, or name it with --study",
            )
        directions = [goal.direction for goal in goals]
        study = (
            optuna.create_study(
                storage=storage, study_name=name, directions=directions, load_if_exists=True
            )
            if name not in known
            else optuna.load_study(study_name=name, storage=storage)
        )
        if PLAN not in study.user_attrs:
            study.set_user_attr(PLAN, canonical_json.dumps(plan).decode())
    _check_plan(study.user_attrs[PLAN], plan, name)
    return study


def _check_plan(known: str, plan: dict[str, Any], name: str) -> None:
    before = parse_object(known.encode(), Path(name))
    now = parse_object(canonical_json.dumps(plan), Path(name))
    differences = list(compare_values("", before, now))
    if differences:
        more = f" and {len(differences) - 3} more" if differences[3:] else ""
        raise UsageError(
            f"the study {quote(name)} is of another recipe",
            expected="the same settings, except search.trials",
            found="; ".join(text.lstrip(".") for text in differences[:3]) + more,
            hint="Name another study with --study",
        )
