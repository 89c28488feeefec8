"""Intermediate state of unfinished actions: a folder per key, for one run at a time."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from prunepack.pipeline.cache.objects import delete
from prunepack.stages.contract.progress import note

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["keep_unfinished"]


@contextmanager
def keep_unfinished(folder: Path) -> Iterator[Path]:
    """Provide ``folder``, which is deleted only if the block ends without an error.

    The operating system frees the lock of a killed run, so the next run finds its state. Where
    another run holds the folder, a temporary one takes its place.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        note("another run is at the same step: this one cannot be continued after a kill")
        with TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    try:
        folder.mkdir(exist_ok=True)
        yield folder
        delete(folder)
    finally:
        if not folder.exists() or not any(folder.iterdir()):
            delete(folder)
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
