"""Recognition of artifacts by their first bytes, whatever their names are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.format.container import MAGIC

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_artifact"]


def is_artifact(file: Path) -> bool:
    """Return whether a regular file begins as an artifact does; False if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
