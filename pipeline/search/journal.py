"""Journal of a search: a file to which each worker appends lines of JSON, opened after a check."""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING

from prunepack.errors import PrunepackError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.storages import JournalStorage

__all__ = ["open_journal"]


def open_journal(path: Path) -> JournalStorage:
    """Open a journal; a last line without an end, as a killed worker leaves it, is dropped.

    Raises:
        RefusedError: If the journal is damaged elsewhere.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _drop_unfinished_line(path)
    _check_lines(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return JournalStorage(JournalFileBackend(str(path)))
    except (OSError, PrunepackError):
        raise
    except Exception as error:  # Optuna replays the journal, and fails in many ways
        raise _refuse(path, f"entries that contradict each other ({error!r})") from error


def _drop_unfinished_line(path: Path) -> None:
    """Cut the file after its last complete line, while no other worker writes."""
    from optuna.storages.journal import JournalFileSymlinkLock

    if _has_end(path):
        return
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        with path.open("r+b") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


def _has_end(path: Path) -> bool:
    """Return whether a file is empty or ends with a line break."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _check_lines(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") and not _is_entry(line):
                raise _refuse(path, f"line {number} is not an entry")


def _is_entry(line: bytes) -> bool:
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False


def _refuse(path: Path, found: str) -> RefusedError:
    return RefusedError(
        f"the journal `{path}` is damaged",
        expected="lines that workers of a search have written",
        found=found,
        hint="Restore a copy, or move the file away and begin the search again: results of stages "
        "are stored and are not computed again",
    )
