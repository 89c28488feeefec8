"""Files of runs: ``.store/runs/NUMBER/RECIPE.json``, numbered in the order of their starts."""

from __future__ import annotations

import json
import logging
import os
import shutil
from itertools import chain, count
from pathlib import Path
from urllib.parse import quote

from prunepack.errors import UsageError
from prunepack.pipeline.runs.run import Run

_log = logging.getLogger("prunepack")

__all__ = [
    "claim_number",
    "delete_run",
    "find_run",
    "list_kept_digests",
    "list_old_runs",
    "locate_run",
    "locate_source",
    "name_release",
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
        UsageError: If there is none.
    """
    for run in reversed(read_runs(root)):
        if wanted and wanted in {str(run.number), run.name, run.recipe}:
            return run
    raise UsageError(
        f"no run in `{root}` is called `{wanted}`",
        expected="the number or the name of a run, or a recipe",
        hint="List the runs by `prunepack ls`",
    )


def locate_source(source: str, root: Path) -> str:
    """Return the path of a recipe as seen from ``root``, or its built-in name."""
    return Path(os.path.relpath(source, root)).as_posix() if Path(source).suffix else source


def name_release(root: Path, name: str, source: str) -> str:
    """Return the name of a recipe's release: ``name``, numbered if it is that of another recipe.

    Args:
        root: The artifacts folder.
        name: The name of the recipe's file.
        source: The result of :func:`locate_source`.
    """
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(free for free in names if read_last_run(root, free).source in {"", source})


def delete_run(root: Path, run: Run) -> None:
    """Delete the record of a run; its results stay until garbage collection."""
    shutil.rmtree(_find_folder(root) / str(run.number))


def list_old_runs(root: Path, keep: int) -> list[Run]:
    """Return all runs but the ``keep`` newest ones and the last one of each recipe."""
    runs = read_runs(root)
    last = {run.recipe: run.number for run in runs}
    old = runs[: max(len(runs) - keep, 0)]
    return [run for run in old if run.number != last[run.recipe]]


def list_kept_digests(root: Path) -> frozenset[str]:
    """Return the digests of all results of all runs, which garbage collection keeps."""
    return frozenset(
        event.digest for run in read_runs(root) for event in (*run.events, *run.earlier)
    )


def _find_folder(root: Path) -> Path:
    return root / ".store" / "runs"


def _list_numbers(runs: Path) -> list[int]:
    names = [path.name for path in runs.iterdir()] if runs.is_dir() else []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def _read(root: Path, number: int, recipe: str) -> Run | None:
    file = locate_run(_find_folder(root), number, recipe)
    return _read_file(root, file) if file.exists() else None


def _read_file(root: Path, file: Path) -> Run | None:
    """Read one run; None if the file is missing or damaged, which is logged."""
    try:
        content = json.loads(file.read_bytes())
        for event in (*content["events"], *content["earlier"]):
            event["path"] = root / ".store" / "objects" / event["digest"]
        run = Run.model_validate(content)
    except OSError:  # another process has deleted it
        return None
    except (ValueError, KeyError, TypeError):
        _log.warning("run %s is left out: its record `%s` is damaged", file.parent.name, file)
        return None
    return run if file.parent.name == str(run.number) else None
