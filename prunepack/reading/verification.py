"""Verification of an artifact: its own checksums, and the files that it was packed from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from prunepack.errors import CorruptArtifactError, quote
from prunepack.io.progress import ignore_progress
from prunepack.io.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunepack.format.header import PackedFile
    from prunepack.io.progress import Progress
    from prunepack.reading.artifact import Artifact

__all__ = ["Mismatch", "check_soundness", "count_streams", "find_mismatch"]

MAX_NAMED_PARTS = 10
"""Damaged parts that a message names."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first byte at which a file on disk differs from its packed form.

    Attributes:
        path: The file on disk.
        file: Its name in the artifact.
        offset: The first byte that differs, or the end of the shorter file.
        tensor: Name of the tensor that this byte belongs to; None for a literal byte.
        sizes: Bytes in the artifact, and on disk.
    """

    path: str
    file: str
    offset: int
    tensor: str | None
    sizes: tuple[int, int]


def check_soundness(artifact: Artifact, progress: Progress = ignore_progress) -> None:
    """Check all checksums of an artifact; everything is decoded.

    Args:
        artifact: The artifact.
        progress: Called with the bytes decoded and the bytes to decode.

    Raises:
        CorruptArtifactError: If a checksum is wrong. The hint names the first tensors and files
            that cannot be decoded.
    """
    try:
        artifact.verify(progress)
    except CorruptArtifactError as error:
        raise CorruptArtifactError(
            error.what,
            expected=error.expected,
            found=error.found,
            hint=f"Fetch the artifact again; {_describe_damage(artifact)}",
            where=error.where,
        ) from error


def count_streams(artifact: Artifact) -> int:
    """Return the number of stored streams; each has a CRC-32."""
    pools = artifact.layout.pools
    return len(artifact.layout.literals) + sum(len(c.streams) for p in pools for c in p.chunks)


def find_mismatch(
    artifact: Artifact, model_path: str | os.PathLike[str], progress: Progress = ignore_progress
) -> Mismatch | None:
    """Compare the packed files byte for byte with files on disk.

    Args:
        artifact: The artifact.
        model_path: The file to compare with the first packed file, under any name. The other files
            are expected beside it, under their own names.
        progress: Called with the bytes compared and the bytes to compare.

    Returns:
        The first difference, or None if there is none.

    Raises:
        UsageError: If a file is missing.
        CorruptArtifactError: If the artifact is damaged.
    """
    done, total = 0, sum(file.size for file in artifact.files.values())
    for index, file in enumerate(artifact.files.values()):
        path = Path(model_path) if index == 0 else Path(model_path).parent / file.name
        with open_regular(str(path)) as other:
            at = 0
            for same in _count_same_bytes(artifact.iter_file(file.name), other):
                at += same
                progress(done + at, total)
            size = other.seek(0, os.SEEK_END)
        if not at == size == file.size:
            tensor = _find_tensor_at(artifact, file, at)
            return Mismatch(str(path), file.name, at, tensor, (file.size, size))
        done += size
    return None


def _describe_damage(artifact: Artifact) -> str:
    parts = list(islice(_find_damaged_parts(artifact), MAX_NAMED_PARTS + 1))
    if not parts:
        return "every tensor can still be decoded"
    named = ", ".join(parts[:MAX_NAMED_PARTS])
    more = ", and more" if len(parts) > MAX_NAMED_PARTS else ""
    return f"parts that cannot be decoded: {named}{more}"


def _find_damaged_parts(artifact: Artifact) -> Iterator[str]:
    """Yield the tensors that cannot be decoded, then the files."""
    for name in artifact.tensors:
        if not _can_decode(artifact.iter_tensor(name)):
            yield f"tensor {quote(name)}"
    for name in artifact.files:
        if not _can_decode(artifact.iter_file(name)):
            yield f"file {quote(name)}"


def _can_decode(pieces: Iterable[object]) -> bool:
    try:
        for _ in pieces:
            pass
    except CorruptArtifactError:
        return False
    return True


def _count_same_bytes(pieces: Iterable[memoryview], other: IO[bytes]) -> Iterator[int]:
    """Yield the number of equal bytes at the start of each piece; stop after a difference."""
    for piece in pieces:
        data = other.read(piece.nbytes)
        differs = np.frombuffer(piece[: len(data)], np.uint8) != np.frombuffer(data, np.uint8)
        same = int(differs.argmax()) if differs.any() else differs.size
        yield same
        if same < piece.nbytes:
            return


def _find_tensor_at(artifact: Artifact, file: PackedFile, offset: int) -> str | None:
    stop = 0
    for segment in file.segments:
        tensor = segment if isinstance(segment, str) else None
        stop += segment if isinstance(segment, int) else artifact.tensors[segment].nbytes
        if offset < stop:
            return tensor
    return None
