"""Packing a model: written, read back, and only then put in its place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.coding.levels import find_level
from prunepack.errors import CorruptArtifactError, PrunepackError, UsageError
from prunepack.io.atomic import create_file
from prunepack.io.parallel import count_threads
from prunepack.io.progress import ignore_progress
from prunepack.model_files.discovery import open_sources
from prunepack.reading.artifact import Artifact
from prunepack.writing.writer import write_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunepack.coding.levels import LevelName
    from prunepack.io.progress import Progress
    from prunepack.model_files.discovery import Source

__all__ = ["Summary", "pack"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What packing came to.

    Attributes:
        source_bytes: Bytes of the model and its external data.
        artifact_bytes: Bytes of the artifact.
        digest: SHA-256 (hex) that the artifact ends with.
    """

    source_bytes: int
    artifact_bytes: int
    digest: str


def pack(
    model_path: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    *,
    level: LevelName = "small",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = ignore_progress,
) -> Summary:
    """Pack an ONNX model and its external data, or a safetensors checkpoint, into one artifact.

    The artifact is read back and compared with the SHA-256 of every source before it gets its
    name: what does not come back is never left behind.

    Args:
        model_path: The ``.onnx`` file, whose external data is looked for beside it, or a
            ``.safetensors`` file.
        out_path: The artifact to write.
        level: ``fast``, ``small``, or ``max``: smaller still, and slow to write and to read.
        threads: How many threads code, if not one per core; the result is the same.
        force: Replace an artifact that exists.
        progress: Called with bytes done and bytes in total, coding and reading back together.

    Raises:
        UsageError: If a path is not what it has to be.
        RefusedError: If the model is malformed or refers to what must not be packed.
        LimitExceededError: If the result would pass a reader's default limits.
        PrunepackError: If the result does not give the model back; nothing was written.
    """
    out, effort = Path(out_path), find_level(level)
    sources = open_sources(os.fspath(model_path))
    with create_file(out, force=force) as scratch:
        _check_apart(out, Path(model_path).parent, sources)
        size = sum(source.file.size for source in sources)
        coded = _adding(progress, 2 * size)
        workers = count_threads(threads, size)
        write_artifact(scratch, sources, str(out.parent), effort, workers, coded)
        scratch.flush()
        with Artifact.open(scratch.name) as artifact:
            _prove(artifact, os.fspath(model_path), lambda n, _: progress(size + n, 2 * size))
            return Summary(size, artifact.size, artifact.digest)


def _adding(progress: Progress, total: int) -> Callable[[int], None]:
    """Return a function of the bytes that are new, where ``progress`` takes the sum of them."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return add


def _check_apart(out: Path, folder: Path, sources: Sequence[Source]) -> None:
    if os.path.realpath(out) in {os.path.realpath(folder / source.name) for source in sources}:
        raise UsageError(
            f"{out} is a part of the model that is to be packed", hint="Choose another path"
        )


def _prove(artifact: Artifact, model: str, progress: Progress) -> None:
    """Decode everything; each file must have the SHA-256 that its source had."""
    try:
        artifact.verify(progress)
    except CorruptArtifactError as error:
        raise PrunepackError(
            f"the artifact would not give {model} back ({error})",
            hint="If nothing wrote to the model meanwhile, report this as a bug; no file was left",
        ) from error
