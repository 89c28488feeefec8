"""Errors of the disk in words: no space, no permission, a file in place of a folder."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import PrunepackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["UnusableFolderError", "explain_full_disk", "explain_write_errors"]

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST}
LEAST_FREE = 1 << 20
"""Bytes: a disk with less free space is full."""


class UnusableFolderError(UsageError):
    """A folder cannot be written to, or its disk is full."""


@contextmanager
def explain_write_errors(folder: Path, option: str = "--artifacts") -> Iterator[None]:
    """Turn an error of the operating system in the block into one that says what to do.

    Args:
        folder: The folder that the block writes in.
        option: The option that names it.

    Raises:
        UnusableFolderError: If the operating system refuses to write.
    """
    try:
        yield
    except OSError as error:
        raise _refusal(folder, option, error) from error


@contextmanager
def explain_full_disk(folder: Path, option: str = "--artifacts") -> Iterator[None]:
    """Turn an error in the block into one that says so if the disk of ``folder`` is full.

    Libraries hide a full disk behind errors of their own, so the free space is measured.

    Raises:
        UnusableFolderError: If the disk is full.
    """
    try:
        yield
    except PrunepackError:
        raise
    except Exception as error:
        is_full = getattr(error, "errno", 0) in FULL
        if is_full or shutil.disk_usage(folder).free < LEAST_FREE:
            full = OSError(errno.ENOSPC, f"No space left on device ({error})")
            raise _refusal(folder, option, full) from error
        raise


def _refusal(folder: Path, option: str, error: OSError) -> UnusableFolderError:
    advice = "Name another folder"
    if error.errno in FULL:
        advice = "Make room there (prunepack gc), or name another folder"
    elif error.errno in DENIED:
        advice = "Allow yourself to write there, or name another folder"
    elif error.errno in IN_THE_WAY:
        advice = "Remove the file that is in the place of a folder, or name another folder"
    where = f" ({error.filename})" if error.filename else ""
    return UnusableFolderError(
        f"`{folder}` cannot be used",
        expected="a folder that can be written to",
        found=f"{error.strerror}{where}",
        hint=f"{advice} with {option}",
    )
