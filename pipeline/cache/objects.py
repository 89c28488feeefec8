"""Folders of files: their digest, their state on the disk, their removal."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from prunepack.format import canonical_json
from prunepack.io.atomic import sync_folder
from prunepack.io.digests import hash_file
from prunepack.pipeline.keys.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Digest",
    "StoredFile",
    "delete",
    "describe_damage",
    "hash_listing",
    "hash_tree",
    "list_files",
    "seal",
]

Digest: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

SEALED = 315_532_800
"""Modification time of stored files, 1980-01-01: any other one shows that a file was written to."""

SMALL = 1 << 20
"""Bytes of the largest file that is hashed again at each reuse."""


class StoredFile(BaseModel):
    """Size and SHA-256 of a file of an object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    sha256: Digest


def hash_tree(tree: Path | Mapping[str, Path]) -> str:
    """Return the SHA-256 (hex) over names and contents of the files of a folder, or as listed."""
    files = list_files(tree) if isinstance(tree, Path) else tree
    return _combine({name: file_digest(path) for name, path in files.items()})


def list_files(folder: Path) -> dict[str, Path]:
    """Return every file under ``folder`` by its relative name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def hash_listing(files: Mapping[str, StoredFile]) -> str:
    """Return the digest of an object that consists of ``files``, without reading them."""
    return _combine({name: file.sha256 for name, file in files.items()})


def seal(folder: Path) -> dict[str, StoredFile]:
    """Make the files of ``folder`` read-only and durable; return them by name."""
    files: dict[str, StoredFile] = {}
    for name, path in list_files(folder).items():
        digest = hash_file(path)
        with path.open("r+b" if os.name == "nt" else "rb") as file:  # Windows flushes only writers
            state = os.fstat(file.fileno())
            files[name] = StoredFile(size=state.st_size, sha256=digest)
            os.utime(path, (SEALED, SEALED))
            path.chmod(stat.S_IMODE(state.st_mode) & ~0o222)
            os.fsync(file.fileno())
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(path)
    return files


def describe_damage(folder: Path, files: Mapping[str, StoredFile]) -> str:
    """Return the first fault of an object; an empty text if it holds ``files`` and no others.

    A file up to :data:`SMALL` is hashed; a larger one only if it was written to since it was
    sealed.
    """
    if not folder.is_dir():
        return "its folder is missing"
    for name, file in files.items():
        if fault := _describe_fault(folder / name, file):
            return f"{name} {fault}"
    added = sorted(list_files(folder).keys() - files.keys())
    return f"{added[0]} was added" if added else ""


def _describe_fault(path: Path, file: StoredFile) -> str:
    """Return the difference of a file from ``file``; seal it again if only its time differs."""
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode):
            return "is not a regular file"
        if state.st_size != file.size:
            return f"has {state.st_size} bytes instead of {file.size}"
        is_sealed = state.st_mtime == SEALED
        if not (is_sealed and file.size > SMALL) and hash_file(path) != file.sha256:
            return "has other contents"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not is_sealed:
        with suppress(OSError):
            os.utime(path, (SEALED, SEALED))
    return ""


def delete(path: Path) -> None:
    """Delete a file or a folder as far as the operating system allows."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_delete_read_only)
    else:
        with suppress(OSError):
            path.unlink()


def _delete_read_only(function: Callable[[str], object], path: str, _error: object) -> None:
    """Try once more after making ``path`` writable, which Windows wants."""
    with suppress(OSError):
        Path(path).chmod(stat.S_IWRITE)
        function(path)


def _combine(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical_json.dumps(digests)).hexdigest()
