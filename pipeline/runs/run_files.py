"""Files of runs: ``.store/runs/NUMBER/RECIPE.json``, numbered in the order of their starts."""

from __future__ import annotations

import json
import logging
import re
import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.runs.run import Run

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("prunepack")

DIGEST = re.compile(rb'"([0-9a-f]{64})"')
"""A digest in a record that cannot be read otherwise."""

__all__ = [
    "claim_number",
    "delete_run",
    "find_number",
    "find_run",
    "is_damaged",
    "list_kept_digests",
    "list_old_runs",
    "locate_run",
    "read_last_run",
    "read_runs",
]


def claim_number(runs: Path) -> int:
    """Reserve the next number of a run; no other process gets it."""
    number = max(_list_numbers(runs), default=0) + 1
    while True:
        try:
            (runs / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return number


def locate_run(runs: Path, number: int, recipe: str) -> Path:
    """Return the file of a run; the name of its recipe finds it without reading it."""
    return runs / str(number) / f"{quote(recipe, safe='')}.json"


def read_last_run(root: Path, recipe: str) -> Run:
    """Return the last run of ``recipe`` under ``root``, the artifacts folder; empty if none."""
    for number in reversed(_list_numbers(_find_folder(root))):
        if (run := _read(root, number, recipe)) is not None:
            return run
    return Run(recipe=recipe)


def read_runs(root: Path) -> list[Run]:
    """Return all runs with an event, from the oldest to the newest."""
    runs = _find_folder(root)
    found = (
        _read_file(root, file)
        for number in _list_numbers(runs)
        for file in (runs / str(number)).glob("*.json")
    )
    return [run for run in found if run is not None]


def find_run(root: Path, wanted: str) -> Run:
    """Return the run with a number or a name, or the last one of a recipe.

    A name that two runs have is that of the newer one.

    Raises:
        RefusedError: If its record is damaged.
        UsageError: If there is none.
    """
    for run in reversed(read_runs(root)):
        if wanted and wanted in {str(run.number), run.name, run.recipe}:
            return run
    if is_damaged(root, wanted):
        raise RefusedError(
            f"the record of run {wanted} cannot be read",
            expected="a record that this version of prunepack has written",
            found="a damaged record, or one of another version",
            hint=f"Delete it by `prunepack rm {wanted}`",
        )
    raise UsageError(
        f"no run in `{root}` is called `{wanted}`",
        expected="the number or the name of a run, or a recipe",
        hint="List the runs by `prunepack ls`",
    )


def find_number(root: Path, wanted: str) -> int:
    """Return the number of a run like :func:`find_run`, or of a damaged record.

    Raises:
        UsageError: If there is none.
    """
    return int(wanted) if is_damaged(root, wanted) else find_run(root, wanted).number


def is_damaged(root: Path, number: str) -> bool:
    """Return whether the run ``number`` has a record that cannot be read."""
    if not (number.isascii() and number.isdigit()):
        return False
    folder = _find_folder(root) / number
    if not folder.is_dir():
        return folder.exists()
    return any(_read_file(root, file) is None for file in folder.glob("*.json"))


def delete_run(root: Path, number: int) -> None:
    """Delete the record of a run; its results stay until garbage collection."""
    path = _find_folder(root) / str(number)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def list_old_runs(root: Path, keep: int) -> list[Run]:
    """Return all runs but the ``keep`` newest ones and the last one of each recipe."""
    runs = read_runs(root)
    last = {run.recipe: run.number for run in runs}
    old = runs[: max(len(runs) - keep, 0)]
    return [run for run in old if run.number != last[run.recipe]]


def list_kept_digests(root: Path) -> frozenset[str]:
    """Return the digests of all results of all runs, which garbage collection keeps.

    Of a record that cannot be read, these are all digests in it: a newer version may read them.
    """
    runs = _find_folder(root)
    files = (file for number in _list_numbers(runs) for file in (runs / str(number)).glob("*.json"))
    return frozenset(digest for file in files for digest in _list_digests(root, file))


def _list_digests(root: Path, file: Path) -> list[str]:
    if (run := _read_file(root, file)) is not None:
        return [event.digest for event in (*run.events, *run.earlier)]
    try:
        return [found.decode() for found in DIGEST.findall(file.read_bytes())]
    except OSError:
        return []


def _find_folder(root: Path) -> Path:
    return root / ".store" / "runs"


def _list_numbers(runs: Path) -> list[int]:
    names = [path.name for path in runs.iterdir()] if runs.is_dir() else []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def _read(root: Path, number: int, recipe: str) -> Run | None:
    file = locate_run(_find_folder(root), number, recipe)
    return _read_file(root, file) if file.exists() else None


def _read_file(root: Path, file: Path) -> Run | None:
    """Read one run; None if the file is missing, or cannot be read, which is logged."""
    number = file.parent.name
    try:
        content = json.loads(file.read_bytes())
        for event in (*content["events"], *content["earlier"]):
            event["path"] = root / ".store" / "objects" / event["digest"]
        run = Run.model_validate(content)
    except FileNotFoundError:  # another process has deleted it
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        run = None
    if run is None or str(run.number) != number:
        _log.warning(
            "run %s is left out: its record `%s` is damaged or of another version; "
            "`prunepack rm %s` deletes it",
            number,
            file,
            number,
        )
        return None
    return run
