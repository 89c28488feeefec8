"""Content of a model, read piece by piece in the same way from an artifact or from its files."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import DTYPES
from prunepack.model_files.discovery import open_sources
from prunepack.reading.artifact import Artifact, is_artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.coding.dtypes import Array, DType
    from prunepack.format.header import PackedFile
    from prunepack.format.limits import Limits
    from prunepack.model_files.discovery import Source

__all__ = ["Content", "LooseContent", "PackedContent", "TensorSpec", "open_content"]


class TensorSpec(NamedTuple):
    """Type and shape of a tensor."""

    dtype: DType
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class Content(ABC):
    """The files of a model, which consist of tensors and other bytes.

    Attributes:
        specs: The tensors by name.
        size: Bytes of all files.
    """

    specs: Mapping[str, TensorSpec]
    size: int

    @abstractmethod
    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield all bytes of all files in order, each piece with the name of its tensor or None.

        Raises:
            CorruptArtifactError: If an artifact is damaged.
        """

    @abstractmethod
    def elements(self, name: str) -> Iterator[Array]:
        """Yield the elements of a tensor in pieces (1-D, of the carrier dtype).

        Raises:
            CorruptArtifactError: If an artifact is damaged.
        """


class PackedContent(Content):
    """Content of an artifact."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self.specs = {
            name: TensorSpec(DTYPES[info.dtype], info.shape)
            for name, info in artifact.tensors.items()
        }
        self.size = sum(file.size for file in artifact.files.values())

    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield the decoded files; the SHA-256 of each is checked at its end."""
        for file in self._artifact.files.values():
            yield from self._split_segments(file)

    def elements(self, name: str) -> Iterator[Array]:
        """Yield the decoded chunks of a tensor."""
        return self._artifact.iter_tensor(name)

    def _split_segments(self, file: PackedFile) -> Iterator[tuple[str | None, memoryview]]:
        pieces = self._artifact.iter_file(file.name)
        held = memoryview(b"")
        for segment in file.segments:
            name = segment if isinstance(segment, str) else None
            left = segment if isinstance(segment, int) else self._artifact.tensors[segment].nbytes
            while left:
                held = held or next(pieces)
                part, held = held[:left], held[left:]
                left -= len(part)
                yield name, part
        next(pieces, None)  # past the last piece, where the SHA-256 is checked


class LooseContent(Content):
    """Content of an ONNX model with its external data, or of a safetensors checkpoint."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        spans = {span.name: span for source in sources for span in source.spans}
        duplicates = {span.name: span for source in sources for _, span in source.duplicates}
        self._spans = spans | duplicates
        self.specs = {
            name: TensorSpec(span.dtype, span.shape) for name, span in self._spans.items()
        }
        self.size = sum(source.file.size for source in sources)

    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield the files from disk."""
        for source in self._sources:
            at = 0
            for span in source.spans:
                yield from ((None, part) for part in source.file.iter_blocks(at, span.start))
                yield from (
                    (span.name, part) for part in source.file.iter_blocks(span.start, span.stop)
                )
                at = span.stop
            yield from ((None, part) for part in source.file.iter_blocks(at, source.file.size))

    def elements(self, name: str) -> Iterator[Array]:
        """Yield the elements from disk."""
        return self._spans[name].iter_items()


@contextmanager
def open_content(path: str, limits: Limits | None = None) -> Iterator[Content]:
    """Open an artifact, an ONNX model or a safetensors checkpoint for the block.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If the file is of another kind, or malformed.
    """
    if is_artifact(path):
        with Artifact.open(path, limits) as artifact:
            yield PackedContent(artifact)
    else:
        yield LooseContent(open_sources(path, limits))
