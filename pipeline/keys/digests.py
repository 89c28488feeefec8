"""Identities of files and distributions, found once per process for what did not change."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from prunepack.io.digests import hash_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_digest", "installed_version"]


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file; one that did not change is read once per process."""
    stat = path.stat()
    return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@cache
def _digest(path: Path, _state: tuple[int, ...]) -> str:
    return hash_file(path)


@cache
def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution; none if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
