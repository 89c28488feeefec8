"""Folder of a stage for intermediate state that survives a kill."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_resume_folder", "resuming_in"]

_folder: ContextVar[Path | None] = ContextVar("resume_folder", default=None)


@contextmanager
def resuming_in(folder: Path) -> Iterator[None]:
    """Let stages keep their intermediate state in ``folder`` inside the block."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


@contextmanager
def open_resume_folder() -> Iterator[Path]:
    """Provide the folder of the stage, with what a killed run of the same key left in it.

    Outside :func:`resuming_in` it is a temporary folder.
    """
    folder = _folder.get()
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory() as temporary:
        yield Path(temporary)
