"""Packing of a model into an artifact, which is read back before it gets its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.arguments import COUNT, PATH, SWITCH, check_arguments, check_choice, make_optional
from prunepack.coding.levels import LEVELS, check_duration
from prunepack.errors import CorruptArtifactError, PrunepackError, UsageError
from prunepack.format.limits import LIMITS
from prunepack.io.atomic import create_file
from prunepack.io.parallel import count_threads
from prunepack.io.progress import PROGRESS, count_up, ignore_progress
from prunepack.model_files.discovery import open_sources
from prunepack.reading.artifact import Artifact
from prunepack.writing.writer import write_artifact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import BufferedRandom

    from prunepack.coding.levels import LevelName
    from prunepack.format.limits import Limits
    from prunepack.io.progress import Progress
    from prunepack.model_files.discovery import Source

__all__ = ["Summary", "find_model_files", "pack"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Result of packing.

    Attributes:
        source_bytes: Bytes of the model and its external data.
        artifact_bytes: Bytes of the artifact.
        digest: SHA-256 (hex) of the artifact without its last 32 bytes, which hold it.
        elements: Number of stored elements, without copies.
        negative_zeros: Number of those that are -0.0, which are stored as nonzeros.
        denormals: Number of those that are denormal. Those of float16 do not count, since
            processors compute with them as float32.
    """

    source_bytes: int
    artifact_bytes: int
    digest: str
    elements: int
    negative_zeros: int
    denormals: int


@check_arguments(
    model_path=PATH,
    out_path=PATH,
    threads=make_optional(COUNT),
    force=SWITCH,
    allow_slow=SWITCH,
    limits=make_optional(LIMITS),
    progress=PROGRESS,
)
def pack(
    model_path: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    *,
    level: LevelName = "small",
    threads: int | None = None,
    force: bool = False,
    allow_slow: bool = False,
    limits: Limits | None = None,
    progress: Progress = ignore_progress,
) -> Summary:
    """Pack an ONNX model and its external data, or a safetensors checkpoint, into one artifact.

    The artifact is decoded and compared with every source before it gets its name.

    Args:
        model_path: The ``.onnx`` file, with external data beside it, or a ``.safetensors`` file.
        out_path: The artifact to write.
        level: ``fast``, ``small``, or ``max``, which is smaller still, but slow to write and read.
        threads: Number of threads that encode, by default one per core; the result is the same.
        force: Replace an artifact that exists.
        allow_slow: Without the compiled extension, allow ``max`` for more than 1 MiB.
        limits: Reader limits that the artifact keeps, by default those of :class:`Limits`.
        progress: Called with bytes done and bytes in total, reading back included.

    Raises:
        UsageError: If a path cannot be used, or ``max`` would take minutes.
        RefusedError: If the model is malformed or refers to a file that must not be packed.
        LimitExceededError: If the result exceeds the reader limits.
        PrunepackError: If the result does not decode to the model; no file is left.
    """
    check_choice("level", level, LEVELS)
    sources = _open_sources(Path(model_path), out := Path(out_path), limits)
    size = sum(source.file.size for source in sources)
    check_duration(effort := LEVELS[level], 0 if allow_slow else size)
    with create_file(out, force=force) as scratch:
        workers, add_progress = count_threads(threads, size), count_up(progress, 2 * size)
        near_zeros = write_artifact(scratch, sources, out.parent, effort, workers, add_progress)
        facts = _read_back(scratch, os.fspath(model_path), limits, size, progress)
    return Summary(size, *facts, *near_zeros)


def _read_back(
    scratch: BufferedRandom, model: str, limits: Limits | None, size: int, progress: Progress
) -> tuple[int, str, int]:
    """Verify the artifact; return its size, its digest and its number of elements."""
    scratch.flush()
    with Artifact.open(scratch.name, limits) as artifact:
        _verify(artifact, model, lambda n, _: progress(size + n, 2 * size))
        elements = sum(t.elements for t in artifact.tensors.values() if not t.is_copy)
        return artifact.size, artifact.digest, elements


def _open_sources(model: Path, out: Path, limits: Limits | None) -> Sequence[Source]:
    """Open the files of a model; the output must not be one of them."""
    sources = open_sources(os.fspath(model), limits)
    names = {os.path.realpath(model.parent / source.name) for source in sources}
    if os.path.realpath(out) in names:
        raise UsageError(f"`{out}` is a file of the model", hint="Choose another path")
    return sources


def _verify(artifact: Artifact, model: str, progress: Progress) -> None:
    """Decode everything and compare each file with the SHA-256 of its source."""
    try:
        artifact.verify(progress)
    except CorruptArtifactError as error:
        raise PrunepackError(
            f"the artifact does not decode to `{model}` ({error})",
            hint="Report this as a bug, unless a program wrote to the model; no file was left",
        ) from error


def find_model_files(
    model_path: str | os.PathLike[str], limits: Limits | None = None
) -> dict[str, Path]:
    """Return a model and its external data, by the names that they would have in an artifact.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If the model is malformed, or refers to a file that must not be packed.
    """
    return {
        source.name: Path(source.file.path)
        for source in open_sources(os.fspath(model_path), limits)
    }
