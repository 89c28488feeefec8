"""An artifact against the files that it was packed from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from prunepack.io.progress import silent
from prunepack.io.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.format.header import File
    from prunepack.io.progress import Progress
    from prunepack.reading.artifact import Artifact

__all__ = ["Mismatch", "first_mismatch"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first byte at which a file is not what the artifact says.

    Attributes:
        path: The file on disk.
        file: Its name in the artifact.
        offset: The first byte that differs, or at which one of them ends.
        tensor: Name of the tensor there, if it is one's.
        sizes: Bytes in the artifact, and on disk.
    """

    path: str
    file: str
    offset: int
    tensor: str | None
    sizes: tuple[int, int]


def first_mismatch(
    artifact: Artifact, model_path: str | os.PathLike[str], progress: Progress = silent
) -> Mismatch | None:
    """Compare the packed files byte for byte with files on disk.

    Args:
        artifact: The artifact.
        model_path: What the first packed file is compared with, whatever its name; the others are
            looked for beside it, by their own names.
        progress: Called with the bytes compared and the bytes to compare.

    Returns:
        The first difference, or None if there is none.

    Raises:
        UsageError: If there is no such file.
        CorruptArtifactError: If the artifact is damaged.
    """
    done, total = 0, sum(file.size for file in artifact.files.values())
    for index, file in enumerate(artifact.files.values()):
        path = Path(model_path) if index == 0 else Path(model_path).parent / file.name
        with open_regular(str(path)) as other:
            at = 0
            for same in _same_bytes(artifact.iter_file(file.name), other):
                at += same
                progress(done + at, total)
            size = other.seek(0, os.SEEK_END)
        if not at == size == file.size:
            tensor = _tensor_at(artifact, file, at)
            return Mismatch(str(path), file.name, at, tensor, (file.size, size))
        done += size
    return None


def _same_bytes(pieces: Iterable[memoryview], other: IO[bytes]) -> Iterator[int]:
    """Yield how many bytes of each piece are the next ones in ``other``; stop at a difference."""
    for piece in pieces:
        found = other.read(piece.nbytes)
        unlike = np.frombuffer(piece[: len(found)], np.uint8) != np.frombuffer(found, np.uint8)
        same = int(unlike.argmax()) if unlike.any() else unlike.size
        yield same
        if same < piece.nbytes:
            return


def _tensor_at(artifact: Artifact, file: File, offset: int) -> str | None:
    stop = 0
    for segment in file.segments:
        tensor = segment if isinstance(segment, str) else None
        stop += segment if isinstance(segment, int) else artifact.tensors[segment].nbytes
        if offset < stop:
            return tensor
    return None
