"""Output that appears whole or not at all: written beside its place, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from io import BufferedRandom

__all__ = ["create_file", "create_folder"]


@contextmanager
def create_file(path: Path, *, force: bool) -> Iterator[BufferedRandom]:
    """Open a scratch file that becomes ``path`` if the block ends without an error.

    Raises:
        UsageError: If ``path`` exists and ``force`` is off, or is not a regular file, or cannot be
            written.
    """
    with _writing(path):
        path = _named(path)
        _check_target(path, force=force, fits=stat.S_ISREG, kind="a regular file")
        scratch = _beside(path)
        try:
            with scratch.open("x+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
            _sync_folder(path.parent)
        finally:
            scratch.unlink(missing_ok=True)


@contextmanager
def create_folder(path: Path, names: Collection[str], *, force: bool) -> Iterator[Path]:
    """Make a scratch folder that becomes ``path`` if the block ends without an error.

    Args:
        path: The folder to be; with ``force`` it may exist, and is then replaced.
        names: The files that are going to be in it. A folder that holds others is not replaced.
        force: Whether ``path`` may exist.

    Raises:
        UsageError: If ``path`` must not be replaced, or cannot be written.
    """
    with _writing(path):
        path = _named(path)
        _check_target(path, force=force, fits=stat.S_ISDIR, kind="a folder")
        _check_nothing_else(path, names)
        scratch = _beside(path)
        try:
            scratch.mkdir()
            yield scratch
            _move_into_place(scratch, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _named(path: Path) -> Path:
    """Return ``path`` with a last part that can be renamed; a link there is not followed."""
    if "\0" in str(path):
        raise UsageError(f"cannot write {str(path)!r}", hint="Choose a path without a NUL")
    if path.name in {"", ".."}:
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent)) / path.name


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _check_target(path: Path, *, force: bool, fits: Callable[[int], bool], kind: str) -> None:
    if not os.path.lexists(path):
        return
    if not fits(path.lstat().st_mode):
        raise UsageError(
            f"{path} cannot be replaced",
            expected=f"{kind}, or nothing yet",
            found="something else, or a link",
            hint="Choose another path",
        )
    if not force:
        raise UsageError(f"{path} exists", hint="Choose another path, or replace it with --force")


def _check_nothing_else(path: Path, names: Collection[str]) -> None:
    inside = (p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
    if others := sorted(set(inside) - set(names)):
        raise UsageError(
            f"{path} cannot be replaced",
            expected="only files that are going to be written anew",
            found=", ".join(others[:5]),
            hint="Choose another path, or move these files away",
        )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"cannot write {path} ({error.strerror})", hint="Check the folder and the space left"
        ) from error


def _move_into_place(scratch: Path, path: Path) -> None:
    """Rename ``scratch`` to ``path``; what was there goes only after that has worked."""
    old = _beside(path)
    with suppress(FileNotFoundError):
        path.rename(old)
    try:
        scratch.rename(path)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Make a rename outlive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
