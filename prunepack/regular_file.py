"""Opening files that must be files."""

from __future__ import annotations

import mmap
import os
import stat
from typing import IO

from prunepack.errors import UsageError

__all__ = ["map_regular", "open_regular"]


def open_regular(path: str) -> IO[bytes]:
    """Open a regular file for reading, without waiting for the other end of a FIFO.

    Raises:
        UsageError: If ``path`` cannot be opened or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot open {path!r} ({reason})", do="Check the path") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(
            f"cannot read {path!r}",
            expected="a regular file",
            found="a folder, a pipe or a device",
            do="Give the path of a file",
        )
    return os.fdopen(handle, "rb")


def map_regular(path: str) -> memoryview:
    """Map a regular file into memory, for reading; nothing is read until it is looked at.

    Raises:
        UsageError: If ``path`` cannot be opened or is not a regular file.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
