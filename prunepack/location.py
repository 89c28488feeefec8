"""Where in an artifact something was wrong, said once and in order."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import CorruptArtifactError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["inside", "inside_file"]

ADVICE = "Fetch the artifact again; if it stays so, pack the model anew"


@contextmanager
def inside(part: str) -> Iterator[None]:
    """Name ``part`` (a tensor, a chunk, a stream) in every refusal raised in the block."""
    try:
        yield
    except RefusedError as error:
        raise type(error)(f"{part}: {error}") from error


@contextmanager
def inside_file(path: str) -> Iterator[None]:
    """Name the artifact in every refusal, and say what to do about a corrupt one."""
    try:
        yield
    except RefusedError as error:
        do = ADVICE if isinstance(error, CorruptArtifactError) else None
        raise type(error)(f"{path}: {error}", do=do) from error
