"""Regular files, opened without trust in their path and read by ranges."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError, UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from typing import IO

__all__ = ["RegularFile", "check_open", "open_regular"]

READ_SIZE = 4 * 1024**2
"""Bytes that are read at once: a whole number of items of any type."""


def open_regular(path: str) -> BufferedReader:
    """Open a regular file for reading, without waiting for the other end of a FIFO.

    Raises:
        UsageError: If ``path`` cannot be opened or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot open {quote(path)} ({reason})", hint="Check the path") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(
            f"cannot read {quote(path)}",
            expected="a regular file",
            found="a folder, a pipe or a device",
            hint="Give the path of a file",
        )
    return os.fdopen(handle, "rb")


def check_open(file: IO[bytes]) -> None:
    """Check that the file of an artifact was not closed.

    Raises:
        UsageError: If it was.
    """
    if file.closed:
        raise UsageError(
            "the artifact is closed", hint="Read it inside the `with` block, or open it again"
        )


class RegularFile:
    """A regular file that any number of threads can read by ranges.

    No handle stays open: some exporters write one file per tensor, and a process may have fewer
    handles than a model has files. Instead, each read checks that the file is still the same one.

    Attributes:
        path: Path of the file.
        size: Its bytes when the object was made.

    Raises:
        UsageError: If ``path`` cannot be opened or is not a regular file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
        self.size = status.st_size
        self._identity = status.st_dev, status.st_ino

    def read(self, start: int, stop: int) -> memoryview:
        """Return the bytes ``start`` to ``stop`` in a new buffer.

        Raises:
            UsageError: If the file can no longer be opened.
            RefusedError: If the file was replaced or has become shorter.
        """
        buffer = np.empty(stop - start, np.uint8).data
        with self._open() as file:
            file.seek(start)
            done = file.readinto(buffer)
        if done != len(buffer):
            raise self._refuse("has become shorter", f"{self.size} bytes", start + done)
        return buffer

    def iter_blocks(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes ``start`` to ``stop`` in order, :data:`READ_SIZE` of them at a time.

        Raises:
            UsageError: If the file can no longer be opened.
            RefusedError: If the file was replaced or has become shorter.
        """
        for at in range(start, stop, READ_SIZE):
            yield self.read(at, min(at + READ_SIZE, stop))

    def hash_range(self, start: int, stop: int) -> bytes:
        """Return the SHA-256 of the bytes ``start`` to ``stop``.

        Raises:
            UsageError: If the file can no longer be opened.
            RefusedError: If the file was replaced or has become shorter.
        """
        digest = hashlib.sha256()
        for block in self.iter_blocks(start, stop):
            digest.update(block)
        return digest.digest()

    @contextmanager
    def map_memory(self) -> Iterator[memoryview]:
        """Map the file into memory for the block; its bytes are read on access only.

        Raises:
            UsageError: If the file can no longer be opened.
            RefusedError: If the file was replaced or has become shorter.
        """
        if self.size == 0:
            yield memoryview(b"")
            return
        with self._open() as file:
            if (size := os.fstat(file.fileno()).st_size) < self.size:
                raise self._refuse("has become shorter", f"{self.size} bytes", size)
            pages = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        with pages, memoryview(pages) as view:
            yield view

    @contextmanager
    def _open(self) -> Iterator[BufferedReader]:
        with open_regular(self.path) as file:
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) != self._identity:
                raise self._refuse("has been replaced", "the file that was there", "another")
            yield file

    def _refuse(self, what: str, expected: str, found: object) -> RefusedError:
        return RefusedError(
            f"{quote(self.path)} {what} while it was read",
            expected=expected,
            found=found,
            hint="Let no other program write to the model meanwhile",
        )
