"""Everything that user code read while a stage ran, as a record and as its comparison."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from prunepack.pipeline.keys.file_states import find_changed_files
from prunepack.pipeline.reads.files import OpenedFiles
from prunepack.pipeline.reads.packages import find_changed_packages, list_imported_packages
from prunepack.pipeline.reads.variables import (
    find_changed_variables,
    hash_variables,
    watch_variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ReadWatch", "Reads"]


class Reads(BaseModel):
    """The dependencies of a result beyond its key.

    Attributes:
        files: The identity of each file or folder that user code read, by path.
        packages: The version of each imported distribution.
        variables: The SHA-256 of each environment variable that user code read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, str] = {}
    packages: dict[str, str] = {}
    variables: dict[str, str] = {}


class ReadWatch:
    """Observation of the user code of a run.

    Args:
        store: The folder of stored results.
        hashes_all: Whether large data is identified by its content, not by size and time.
    """

    def __init__(self, store: Path, *, hashes_all: bool = False) -> None:
        self._files, self._variables = OpenedFiles(store), set[str]()
        self._hashes_all = hashes_all
        self._environment = dict(os.environ)  # libraries set variables for themselves later

    def list_changes(self, reads: Reads) -> list[str]:
        """Return the names of everything in ``reads`` that is now another than it was."""
        return [
            *find_changed_files(reads.files),
            *find_changed_packages(reads.packages),
            *find_changed_variables(reads.variables, self._environment),
        ]

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Collect what is read inside the block."""
        with self._files.watch(), watch_variables(self._variables):
            yield

    def collect(self) -> Reads | None:
        """Return what was read so far; None if a file changed after it was read."""
        files = self._files.identify_all(hashes_all=self._hashes_all)
        if files is None:
            return None
        variables = hash_variables(self._variables, self._environment)
        return Reads(files=files, packages=list_imported_packages(), variables=variables)
