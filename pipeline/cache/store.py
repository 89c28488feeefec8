"""Store of results: ``actions/KEY.json`` describes an output, ``objects/DIGEST/`` holds it.

Everything is made in ``scratch/`` and then renamed, so a run that is killed at any moment leaves
the old state or the new one.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

from prunepack.errors import UsageError
from prunepack.format import canonical_json
from prunepack.io.atomic import replace_file, sync_folder
from prunepack.pipeline.cache.disk_errors import explain_write_errors
from prunepack.pipeline.cache.locks import StoreLocks
from prunepack.pipeline.cache.objects import (
    Digest,
    StoredFile,
    delete,
    describe_damage,
    hash_listing,
    list_files,
    seal,
)
from prunepack.pipeline.cache.unfinished import keep_unfinished
from prunepack.pipeline.keys.material import Material
from prunepack.pipeline.reads.reads import Reads
from prunepack.stages.contract.progress import remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Set
    from pathlib import Path
    from types import TracebackType

__all__ = ["Fact", "Freed", "Record", "Store"]

Fact: TypeAlias = bool | int | float | str


class Record(BaseModel):
    """Result of one action.

    Attributes:
        digest: The digest of the object.
        files: The object's files.
        facts: The facts that the stage returned.
        notes: Assumptions that the stage made.
        material: The parts of the action's key.
        reads: Files, packages and variables that the user's code read.
        seconds: Duration of the action.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    files: dict[str, StoredFile]
    facts: dict[str, Fact]
    notes: tuple[str, ...] = ()
    material: Material
    reads: Reads = Reads()
    seconds: float


@dataclass(frozen=True, slots=True)
class Freed:
    """Counts of the files that garbage collection deleted."""

    actions: int
    objects: int
    bytes: int


class Store:
    """A content-addressed store on a local disk, open until :meth:`close`.

    Any number of runs may use it at the same time. A run that finds no other at work deletes what
    killed runs left.

    Raises:
        UsageError: If the folder cannot be written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".store"
        self._actions, self._objects, self.runs, self._scratch = (
            self.folder / name for name in ("actions", "objects", "runs", "scratch")
        )
        self._unfinished = self.folder / "unfinished"
        with explain_write_errors(self.root):
            for folder in (self._actions, self._objects, self.runs, self._scratch):
                folder.mkdir(parents=True, exist_ok=True)
            self._locks = StoreLocks(self.folder)
            with self._locks.hold_entry():
                if not self._locks.has_others():
                    self._empty_scratch()
                self._locks.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the runs that use the store."""
        self._locks.leave()

    def path(self, digest: str) -> Path:
        """Return the folder of the object ``digest``."""
        return self._objects / digest

    def find(self, key: str) -> Record | None:
        """Return the record of ``key`` if its object is whole; remove the object if it is not."""
        record = self._record(key)
        if record is None or not self._damage(record):
            return record
        with explain_write_errors(self.root), self._locks.hold_objects():
            damage = self._damage(record)
            if not damage:
                return record  # another run has rebuilt it meanwhile
            self._remove(self.path(record.digest))
        remark(f"{self.path(record.digest)}: {damage}; {record.material.stage} runs again")
        return None

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Provide an empty folder that is gone after the block, if it is still there."""
        folder = self._draft(name)
        try:
            with explain_write_errors(self.root):
                folder.mkdir()
            yield folder
        finally:
            delete(folder)

    @contextmanager
    def resume(self, key: str) -> Iterator[Path]:
        """Provide the folder of an action's intermediate state; a kill or an error keeps it."""
        with explain_write_errors(self.root), keep_unfinished(self._unfinished / key) as folder:
            yield folder

    def adopt(self, scratch: Path) -> tuple[str, dict[str, StoredFile]]:
        """Make ``scratch`` an object; return its digest and its files.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        with explain_write_errors(self.root):
            files = seal(scratch)
            digest = hash_listing(files)
            target = self.path(digest)
            with self._locks.hold_objects():
                if target.exists() and describe_damage(target, files):
                    self._remove(target)
                if not target.exists():
                    scratch.rename(target)
                    sync_folder(self._objects)
        return digest, files

    def record(self, record: Record) -> None:
        """Write the record of an action under its key."""
        self.write(
            self._actions / f"{record.material.key}.json", canonical_json.dumps(record.model_dump())
        )

    def write(self, target: Path, content: bytes, *, durable: bool = True) -> None:
        """Write one file of the store whole or not at all; ``durable`` waits for the disk.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        with (
            explain_write_errors(self.root),
            replace_file(target, folder=self._scratch, durable=durable) as draft,
        ):
            draft.write_bytes(content)

    def gc(self, keep: Set[str]) -> Freed:
        """Delete every object whose digest is not in ``keep``, and the actions that made it.

        Raises:
            UsageError: If a run is using the store.
        """
        with explain_write_errors(self.root), self._locks.hold_entry():
            if self._locks.has_others():
                raise UsageError(
                    f"`{self.folder}` is in use",
                    expected="no run at work",
                    found="at least one",
                    hint="Try again when it is done",
                )
            return self._collect(keep)

    def _collect(self, keep: Set[str]) -> Freed:
        actions = [path for path in self._actions.iterdir() if not self._leads(path, keep)]
        objects = [path for path in self._objects.iterdir() if path.name not in keep]
        unfinished = [self._unfinished] if self._unfinished.exists() else []
        files = [f for folder in (*objects, *unfinished) for f in list_files(folder).values()]
        size = sum(file.stat().st_size for file in files)
        for path in (*actions, *objects, *unfinished):
            self._remove(path)
        return Freed(len(actions), len(objects), size)

    def _leads(self, action: Path, keep: Set[str]) -> bool:
        record = self._record(action.stem)
        return record is not None and record.digest in keep

    def _record(self, key: str) -> Record | None:
        """Return the record of ``key``; None if it is missing, damaged or of another key."""
        try:
            record = Record.model_validate_json((self._actions / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        is_own = record.material.key == key and hash_listing(record.files) == record.digest
        return record if is_own else None

    def _damage(self, record: Record) -> str:
        return describe_damage(self.path(record.digest), record.files)

    def _draft(self, name: str) -> Path:
        return self._scratch / f"{name[:40]}-{os.getpid()}-{secrets.token_hex(4)}"

    def _remove(self, path: Path) -> None:
        """Delete ``path`` so that it never exists in part."""
        if path.exists():
            draft = self._draft(path.name)
            path.rename(draft)
            delete(draft)

    def _empty_scratch(self) -> None:
        """Delete the drafts of killed runs."""
        for path in self._scratch.iterdir():
            delete(path)
