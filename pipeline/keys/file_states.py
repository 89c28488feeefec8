"""Identity of files and folders of the user: by content, or by size and time."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.pipeline.keys.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["find_changed_files", "identify_files", "read_state"]

LARGE = 256 << 20
"""Bytes from which on a file is identified by its size and time of change."""

MANY = 1000
"""Number of files in one folder from which on they are identified together, as a folder."""

STATE, FOLDER = "size and time ", "files of folder "
"""Starts of identities that are not the SHA-256 of a content."""


def read_state(path: str) -> tuple[int, ...]:
    """Return numbers that differ after a write, or nothing if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- called in an audit hook, for each opened file
    except (OSError, ValueError):
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def identify_files(paths: Iterable[str], *, hashes_all: bool) -> dict[str, str]:
    """Return the identity of each path that exists, by its path relative to the working folder.

    A file is identified by its SHA-256, a folder by the names in it. Unless ``hashes_all``, a file
    of :data:`LARGE` bytes or more is identified by its size and time of change, and so are the
    files of a folder from which :data:`MANY` or more were read.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folders[os.path.dirname(path)].append(path)  # noqa: PTH120 -- paths are str here
    found: dict[str, str] = {}
    for folder, files in folders.items():
        if len(files) >= MANY and not hashes_all:
            found[folder] = _identify(folder, FOLDER)
        else:
            kinds = ((path, "" if hashes_all else _choose_kind(path)) for path in files)
            found |= {path: _identify(path, kind) for path, kind in kinds}
    return {_shorten(path): identity for path, identity in found.items() if identity}


def find_changed_files(files: Mapping[str, str]) -> list[str]:
    """Return the paths of :func:`identify_files` whose identity is now another one."""
    return [path for path, known in files.items() if _identify(path, _read_kind(known)) != known]


def _choose_kind(path: str) -> str:
    state = read_state(path)
    return STATE if state and state[1] >= LARGE else ""


def _read_kind(identity: str) -> str:
    return next((kind for kind in (STATE, FOLDER) if identity.startswith(kind)), "")


def _identify(path: str, kind: str) -> str:
    """Return the identity of a file or a folder; nothing for anything else."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 -- paths are str here
        if kind == STATE:
            return f"{STATE}{read_state(path)[1:]}"
        if kind == FOLDER:
            return f"{FOLDER}{_hash_states(path)}"
        if stat.S_ISREG(mode):
            return file_digest(Path(path).resolve())
        return _hash_names(path) if stat.S_ISDIR(mode) else ""
    except (OSError, ValueError):
        return ""


def _hash_names(folder: str) -> str:
    names = sorted(set(os.listdir(folder)) - {"__pycache__"})  # noqa: PTH208
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


def _hash_states(folder: str) -> str:
    """Return the SHA-256 of names, sizes and times of the files in a folder."""
    with os.scandir(folder) as entries:
        states = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries)
    return hashlib.sha256(repr(states).encode(errors="surrogateescape")).hexdigest()


def _shorten(path: str) -> str:
    """Return ``path`` relative to the working folder if it is inside, so that both may move."""
    inside = Path(path)
    return str(inside.relative_to(Path.cwd())) if inside.is_relative_to(Path.cwd()) else path
