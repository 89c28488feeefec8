"""Output that appears whole or not at all: written beside its place, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from io import BufferedRandom

__all__ = [
    "create_file",
    "create_folder",
    "move_folder",
    "name_scratch",
    "replace_file",
    "sync_folder",
]


@contextmanager
def create_file(path: Path, *, force: bool) -> Iterator[BufferedRandom]:
    """Open a scratch file that becomes ``path`` if the block ends without an error.

    Raises:
        UsageError: If ``path`` exists and ``force`` is off, is not a regular file, or cannot be
            written.
    """
    with _report_os_errors(path):
        path = _resolve_parent(path)
        _check_target(path, force=force, is_kind=stat.S_ISREG, kind="a regular file")
        with replace_file(path) as scratch, scratch.open("x+b") as file:
            yield file


@contextmanager
def create_folder(path: Path, names: Collection[str], *, force: bool) -> Iterator[Path]:
    """Make a scratch folder that becomes ``path`` if the block ends without an error.

    Args:
        path: The final folder. With ``force`` it may exist, and is then replaced.
        names: The files that the block writes. A folder that holds other files is not replaced.
        force: Whether ``path`` may exist.

    Raises:
        UsageError: If ``path`` must not be replaced, or cannot be written.
    """
    with _report_os_errors(path):
        path = _resolve_parent(path)
        _check_target(path, force=force, is_kind=stat.S_ISDIR, kind="a folder")
        _check_other_files(path, names)
        scratch = name_scratch(path, path.parent)
        try:
            scratch.mkdir()
            yield scratch
            move_folder(scratch, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replace_file(path: Path, *, folder: Path | None = None, durable: bool = True) -> Iterator[Path]:
    """Provide a scratch path whose file replaces ``path`` if the block ends without an error.

    Args:
        path: The final file, which may exist.
        folder: Folder for the scratch file, on the same file system; by default that of ``path``.
        durable: Whether to wait until the disk has the file.
    """
    scratch = name_scratch(path, folder or path.parent)
    try:
        yield scratch
        if durable:
            with scratch.open("r+b") as file:
                os.fsync(file.fileno())
        scratch.replace(path)
        if durable:
            sync_folder(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


def name_scratch(path: Path, folder: Path) -> Path:
    """Return a new hidden path in ``folder`` for the draft of ``path``."""
    return folder / f".{path.name}.{secrets.token_hex(4)}"


def sync_folder(path: Path) -> None:
    """Make a rename in a folder survive a power cut, on systems that allow it."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _resolve_parent(path: Path) -> Path:
    """Return ``path`` with a last part that can be renamed; a link in that place stays a link."""
    if "\0" in str(path):
        raise UsageError(f"cannot write {quote(str(path))}", hint="Choose a path without a NUL")
    if path.name in {"", ".."}:
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent)) / path.name


def _check_target(path: Path, *, force: bool, is_kind: Callable[[int], bool], kind: str) -> None:
    if not os.path.lexists(path):
        return
    if not is_kind(path.lstat().st_mode):
        raise UsageError(
            f"`{path}` cannot be replaced",
            expected=f"{kind}, or a path that does not exist",
            found="something else, or a link",
            hint="Choose another path",
        )
    if not force:
        raise UsageError(f"`{path}` exists", hint="Choose another path, or replace it with --force")


def _check_other_files(path: Path, names: Collection[str]) -> None:
    inside = (p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
    if others := sorted(set(inside) - set(names)):
        raise UsageError(
            f"`{path}` cannot be replaced",
            expected="only files that this command writes",
            found=", ".join(others[:5]),
            hint="Choose another path, or move these files away",
        )


@contextmanager
def _report_os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"cannot write `{path}` ({error.strerror})", hint="Check the folder and the free space"
        ) from error


def move_folder(scratch: Path, path: Path) -> None:
    """Rename ``scratch`` to ``path``, and delete the former folder only after that."""
    old = name_scratch(path, path.parent)
    with suppress(FileNotFoundError):
        path.rename(old)
    try:
        scratch.rename(path)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
    sync_folder(path.parent)
