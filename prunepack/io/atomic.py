"""Output that appears whole or not at all: written beside its place, then renamed.

Without ``force``, nothing that exists is replaced, not even what appears while the output is being
written.
"""

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
    "check_file",
    "create_file",
    "create_folder",
    "move_into_place",
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
        with replace_file(path, force=force) as scratch, scratch.open("x+b") as file:
            yield file


def check_file(path: Path, *, force: bool) -> None:
    """Check early that :func:`create_file` can make a file.

    Raises:
        UsageError: If ``path`` exists and ``force`` is off, is not a regular file, or has no
            folder.
    """
    with _report_os_errors(path):
        path = _resolve_parent(path)
        _check_target(path, force=force, is_kind=stat.S_ISREG, kind="a regular file")
        os.stat(os.path.join(path.parent, "."))  # noqa: PTH116, PTH118 -- only with the dot is a file refused


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
        _check_other_files(path, path, names)
        scratch = name_scratch(path, path.parent)
        try:
            scratch.mkdir()
            yield scratch
            move_into_place(
                scratch, path, force=force, check=lambda old: _check_other_files(path, old, names)
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replace_file(
    path: Path, *, folder: Path | None = None, durable: bool = True, force: bool = True
) -> Iterator[Path]:
    """Provide a scratch path whose file becomes ``path`` if the block ends without an error.

    Args:
        path: The final file.
        folder: Folder for the scratch file, on the same file system; by default that of ``path``.
        durable: Whether to wait until the disk has the file.
        force: Whether ``path`` may exist.

    Raises:
        UsageError: If ``path`` must not be replaced.
    """
    scratch = name_scratch(path, folder or path.parent)
    try:
        yield scratch
        if durable:
            with scratch.open("r+b") as file:
                os.fsync(file.fileno())
        move_into_place(scratch, path, force=force)
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


def _check_other_files(path: Path, folder: Path, names: Collection[str]) -> None:
    """Refuse to replace ``folder``, the folder at ``path``, if it holds other files."""
    files = (file for file in folder.rglob("*") if not file.is_dir())
    inside = {file.relative_to(folder).as_posix() for file in files}
    if folder.is_file():
        inside = {"a file"}
    if others := sorted(inside - set(names)):
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


def move_into_place(
    scratch: Path, path: Path, *, force: bool, check: Callable[[Path], None] = lambda _: None
) -> None:
    """Rename a finished file or folder to ``path``.

    Args:
        scratch: The file or folder, on the same file system.
        path: Its place. Without ``force`` it is missing, or an empty folder for a folder.
        force: Whether a file or a folder of the same kind at ``path`` is replaced.
        check: Called with the former folder, which has another name by then. If it raises, the
            folder gets its name back.

    Raises:
        UsageError: If ``path`` must not be replaced.
    """
    if not scratch.is_dir():
        if force:
            scratch.replace(path)
        else:
            _move_new(scratch, path, _link)
        return
    old = name_scratch(path, path.parent)
    try:
        if force:
            with suppress(FileNotFoundError):
                path.rename(old)
                check(old)
        _move_new(scratch, path, _rename_folder)
    except BaseException:
        with suppress(OSError):
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
    sync_folder(path.parent)


def _move_new(scratch: Path, path: Path, move: Callable[[Path, Path], None]) -> None:
    try:
        move(scratch, path)
    except OSError as error:
        if not os.path.lexists(path):
            raise
        raise UsageError(
            f"`{path}` exists",
            found="it appeared while the output was written",
            hint="Choose another path, or replace it with --force",
        ) from error


def _rename_folder(scratch: Path, path: Path) -> None:
    """Rename a folder; the operating system refuses to replace all but an empty folder."""
    if os.name == "nt":
        with suppress(OSError):
            path.rmdir()
    scratch.rename(path)


def _link(scratch: Path, path: Path) -> None:
    """Rename a file by way of a link, which never replaces a file.

    A file system without links gets an empty file first, which is never made where one exists.
    """
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise
    except OSError:
        path.touch(exist_ok=False)
        scratch.replace(path)
