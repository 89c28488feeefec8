"""The store of results: ``actions/KEY.json`` says what a stage made, ``objects/DIGEST/`` holds it.

Everything is made in ``scratch/`` and renamed to where it belongs, so whoever is killed at whatever
moment leaves the old state or the new one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prunepack.errors import PrunepackError, UsageError
from prunepack.pipeline.cache.digests import file_digest
from prunepack.pipeline.cache.keys import Material, canonical
from prunepack.stages.contract.progress import note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set
    from types import TracebackType

__all__ = ["Digest", "Fact", "Freed", "Record", "Store", "room_for", "tree_digest", "writing"]

Digest: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Fact: TypeAlias = bool | int | float | str


class Record(BaseModel):
    """What one action made.

    Attributes:
        digest: The digest of the object.
        files: The object's files with their sizes.
        facts: What the stage measured.
        material: What the action's key is made of.
        seconds: How long it took to make.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    files: dict[str, int]
    facts: dict[str, Fact]
    material: Material
    seconds: float


@dataclass(frozen=True, slots=True)
class Freed:
    """What garbage collection deleted."""

    actions: int
    objects: int
    bytes: int


class Store:
    """A content-addressed store on a local disk, open until :meth:`close`.

    Any number of runs may use it at the same time: each holds a shared lock for as long as it is
    open. Whoever finds nobody else there clears away what killed runs left.

    Raises:
        UsageError: If the folder cannot be written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".store"
        self._actions, self._objects, self.runs, self._scratch = (
            self.folder / name for name in ("actions", "objects", "runs", "scratch")
        )
        with writing(self.root):
            for folder in (self._actions, self._objects, self.runs, self._scratch):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("a")
            self._clean()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._lock.close()

    def path(self, digest: str) -> Path:
        """Return where the object ``digest`` is kept."""
        return self._objects / digest

    def find(self, key: str) -> Record | None:
        """Return the record of ``key`` if its object is whole; remove the object if it is not."""
        record = self._record(key)
        if record is None or not self._damage(record):
            return record
        with writing(self.root), self._alone():
            damage = self._damage(record)
            if not damage:
                return record  # another run has rebuilt it meanwhile
            self._remove(self.path(record.digest))
        note(f"{self.path(record.digest)}: {damage}; {record.material.stage} runs again")
        return None

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Provide an empty folder that is gone after the block, if it is still there."""
        folder = self._draft(name)
        try:
            with writing(self.root):
                folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, scratch: Path) -> tuple[str, dict[str, int]]:
        """Make ``scratch`` an object; return its digest and the sizes of its files.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        with writing(self.root):
            digest, files = _seal(scratch)
            target = self.path(digest)
            with self._alone():
                if target.exists() and _damage(target, files):
                    self._remove(target)
                if not target.exists():
                    scratch.rename(target)
                    _sync(self._objects)
        return digest, files

    def record(self, record: Record) -> None:
        """Write down what an action made, under the key of its material."""
        self.write(self._actions / f"{record.material.key}.json", canonical(record.model_dump()))

    def write(self, target: Path, content: bytes, *, durable: bool = True) -> None:
        """Write one file of the store whole or not at all; ``durable`` waits for the disk.

        Raises:
            UsageError: If the disk is full or cannot be written to.
        """
        draft = self._draft(target.name)
        try:
            with writing(self.root):
                draft.write_bytes(content)
                if durable:
                    _sync(draft)
                draft.replace(target)
                if durable:
                    _sync(target.parent)
        finally:
            _delete(draft)

    def gc(self, keep: Set[str]) -> Freed:
        """Delete every object whose digest is not in ``keep``, and the actions that made it.

        Raises:
            UsageError: If a run is using the store.
        """
        if not self._try_alone():
            raise UsageError(
                f"{self.folder} is in use",
                expected="no run at work",
                found="at least one",
                hint="Try again when it is done.",
            )
        try:
            with writing(self.root):
                actions = [path for path in self._actions.iterdir() if not self._leads(path, keep)]
                objects = [path for path in self._objects.iterdir() if path.name not in keep]
                size = sum(
                    file.stat().st_size for folder in objects for file in _files(folder).values()
                )
                for path in (*actions, *objects):
                    self._remove(path)
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        return Freed(len(actions), len(objects), size)

    def _leads(self, action: Path, keep: Set[str]) -> bool:
        record = self._record(action.stem)
        return record is not None and record.digest in keep

    def _record(self, key: str) -> Record | None:
        try:
            return Record.model_validate_json((self._actions / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def _damage(self, record: Record) -> str:
        return _damage(self.path(record.digest), record.files)

    def _draft(self, name: str) -> Path:
        return self._scratch / f"{name[:40]}-{os.getpid()}-{secrets.token_hex(4)}"

    def _remove(self, path: Path) -> None:
        """Delete ``path`` so that no half of it is ever where it was."""
        if path.exists():
            draft = self._draft(path.name)
            path.rename(draft)
            _delete(draft)

    def _clean(self) -> None:
        """Empty the scratch folder if no other run can be using it, and join the runs."""
        if self._try_alone():
            for path in self._scratch.iterdir():
                _delete(path)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _try_alone(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._lock, fcntl.LOCK_SH)  # a failed upgrade may have lost it
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other runs from changing objects for a moment."""
        with (self.folder / "objects.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def tree_digest(tree: Path | Mapping[str, Path]) -> str:
    """Return the SHA-256 (hex) over names and contents of the files of a folder, or as listed."""
    files = _files(tree) if isinstance(tree, Path) else tree
    return _digest_of({name: file_digest(path) for name, path in files.items()})


@contextmanager
def writing(folder: Path, option: str = "--artifacts") -> Iterator[None]:
    """Say what to do where the operating system does not let the block write in ``folder``.

    Raises:
        UsageError: If it does not.
    """
    try:
        yield
    except OSError as error:
        raise _refused(folder, option, error) from error


@contextmanager
def room_for(folder: Path, option: str = "--artifacts") -> Iterator[None]:
    """Say that the disk of ``folder`` is full where that is why the block failed.

    Libraries hide a full disk behind errors of their own, so the disk is asked.

    Raises:
        UsageError: If it is full.
    """
    try:
        yield
    except PrunepackError:
        raise
    except Exception as error:
        if getattr(error, "errno", 0) in FULL or shutil.disk_usage(folder).free < LEAST:
            full = OSError(errno.ENOSPC, f"No space left on device ({error})")
            raise _refused(folder, option, full) from error
        raise


FULL = {errno.ENOSPC, errno.EDQUOT}
DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST}
LEAST = 1 << 20
"""Bytes: with less than this a disk is full."""


def _refused(folder: Path, option: str, error: OSError) -> UsageError:
    first = "Name another folder"
    if error.errno in FULL:
        first = "Make room there (prunepack gc), or name another folder"
    elif error.errno in DENIED:
        first = "Allow yourself to write there, or name another folder"
    elif error.errno in IN_THE_WAY:
        first = "A file is where a folder has to be: name another folder"
    where = f" ({error.filename})" if error.filename else ""
    return UsageError(
        f"{folder} cannot be used",
        expected="a folder that can be written to",
        found=f"{error.strerror}{where}",
        hint=f"{first} with {option}.",
    )


def _seal(folder: Path) -> tuple[str, dict[str, int]]:
    """Bring ``folder`` to the disk and make its files read-only; return its digest and sizes."""
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, path in _files(folder).items():
        with path.open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
            state = os.fstat(file.fileno())
            sizes[name] = state.st_size
            os.fchmod(file.fileno(), stat.S_IMODE(state.st_mode) & ~0o222)
            os.fsync(file.fileno())
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        _sync(path)
    return _digest_of(digests), sizes


def _digest_of(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(digests)).hexdigest()


def _files(folder: Path) -> dict[str, Path]:
    """Return every file under ``folder`` by its relative name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _damage(folder: Path, files: Mapping[str, int]) -> str:
    """Say what is wrong with an object; nothing if every file has its size."""
    if not folder.is_dir():
        return "its folder is missing"
    for name, size in files.items():
        try:
            found = (folder / name).lstat().st_size
        except OSError:
            return f"{name} is missing"
        if found != size:
            return f"{name} has {found} bytes instead of {size}"
    return ""


def _delete(path: Path) -> None:
    """Delete a file or a folder as far as the operating system allows."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sync(path: Path) -> None:
    """Wait until the disk has what was written to a file or folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
