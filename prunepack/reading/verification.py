"""Whether an artifact is sound; if it is not, all that is wrong with it, and where."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from prunepack.errors import CorruptArtifactError
from prunepack.io.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.io.progress import Progress
    from prunepack.reading.artifact import Artifact

__all__ = ["check_soundness", "count_streams"]

MOST = 10
"""Damaged parts that a message names."""


def check_soundness(artifact: Artifact, progress: Progress = silent) -> None:
    """Check every checksum there is, decoding everything.

    Args:
        artifact: The artifact.
        progress: Called with the bytes decoded and the bytes to decode.

    Raises:
        CorruptArtifactError: If one of them is wrong. The message names the first tensors and
            files that cannot be decoded.
    """
    try:
        artifact.verify(progress)
    except CorruptArtifactError as error:
        parts = list(islice(_damaged(artifact), MOST + 1))
        named = ", ".join(parts[:MOST]) + (", and more" if len(parts) > MOST else "")
        found = f"What cannot be decoded: {named}" if parts else "Every tensor can be decoded still"
        raise CorruptArtifactError(str(error), hint=found) from error


def count_streams(artifact: Artifact) -> int:
    """Return how many stored streams have a CRC-32 of their own."""
    pools = artifact.layout.pools
    return len(artifact.layout.literals) + sum(len(c.streams) for p in pools for c in p.chunks)


def _damaged(artifact: Artifact) -> Iterator[str]:
    """Yield the tensors that cannot be decoded, then the files."""
    for name in artifact.tensors:
        if not _decodes(artifact.iter_tensor(name)):
            yield f"tensor {name!r}"
    for name in artifact.files:
        if not _decodes(artifact.iter_file(name)):
            yield f"file {name!r}"


def _decodes(pieces: Iterable[object]) -> bool:
    try:
        for _ in pieces:
            pass
    except CorruptArtifactError:
        return False
    return True
