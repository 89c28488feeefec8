"""Folders of files: their digest, their state on the disk, their removal."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.format import canonical_json
from prunepack.io.atomic import sync_folder
from prunepack.io.digests import hash_file
from prunepack.pipeline.keys.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["delete", "describe_damage", "hash_tree", "list_files", "seal"]


def hash_tree(tree: Path | Mapping[str, Path]) -> str:
    """Return the SHA-256 (hex) over names and contents of the files of a folder, or as listed."""
    files = list_files(tree) if isinstance(tree, Path) else tree
    return _combine({name: file_digest(path) for name, path in files.items()})


def list_files(folder: Path) -> dict[str, Path]:
    """Return every file under ``folder`` by its relative name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def seal(folder: Path) -> tuple[str, dict[str, int]]:
    """Make the files of ``folder`` read-only and durable; return its digest and their sizes."""
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, path in list_files(folder).items():
        digests[name] = hash_file(path)
        with path.open("r+b" if os.name == "nt" else "rb") as file:  # Windows flushes only writers
            state = os.fstat(file.fileno())
            sizes[name] = state.st_size
            path.chmod(stat.S_IMODE(state.st_mode) & ~0o222)
            os.fsync(file.fileno())
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(path)
    return _combine(digests), sizes


def describe_damage(folder: Path, files: Mapping[str, int]) -> str:
    """Return the first fault of an object; an empty text if every file has its size."""
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
