"""What is in a model, read piece by piece in the same way whether it is packed or not."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.dtypes import DTYPES
from prunepack.format.container import MAGIC
from prunepack.io.regular_file import open_regular
from prunepack.model_files.discovery import open_sources
from prunepack.reading.artifact import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.coding.dtypes import Array, DType
    from prunepack.format.header import File
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
    """Files that consist of tensors and other bytes.

    Attributes:
        specs: The tensors by name.
        size: Bytes of all files.
    """

    specs: Mapping[str, TensorSpec]
    size: int

    @abstractmethod
    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield all bytes of all files in order, each piece with the tensor it is of, if any.

        Raises:
            CorruptArtifactError: If something of it is damaged.
        """

    @abstractmethod
    def elements(self, name: str) -> Iterator[Array]:
        """Yield the elements of a tensor in pieces (1-D, of the carrier dtype).

        Raises:
            CorruptArtifactError: If something of it is damaged.
        """


class PackedContent(Content):
    """What an artifact holds."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self.specs = {
            name: TensorSpec(DTYPES[info.dtype], info.shape)
            for name, info in artifact.tensors.items()
        }
        self.size = sum(file.size for file in artifact.files.values())

    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield the decoded files; each is compared with its SHA-256 at its end."""
        for file in self._artifact.files.values():
            yield from self._segments(file)

    def elements(self, name: str) -> Iterator[Array]:
        """Yield the decoded chunks of a tensor."""
        return self._artifact.iter_tensor(name)

    def _segments(self, file: File) -> Iterator[tuple[str | None, memoryview]]:
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
        next(pieces, None)  # past the last piece, where the SHA-256 is compared


class LooseContent(Content):
    """What an ONNX model with its external data, or a safetensors checkpoint, holds."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        spans = {span.name: (source, span) for source in sources for span in source.spans}
        twins = {span.name: (s, span) for s in sources for _, span in s.twins}
        self._places = spans | twins
        self.specs = {
            name: TensorSpec(span.dtype, span.shape) for name, (_, span) in self._places.items()
        }
        self.size = sum(source.file.size for source in sources)

    def pieces(self) -> Iterator[tuple[str | None, memoryview]]:
        """Yield the files as they are."""
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
        """Yield the elements where they stand."""
        source, span = self._places[name]
        for part in source.file.iter_blocks(span.start, span.stop):
            yield np.frombuffer(part, span.dtype.carrier)


@contextmanager
def open_content(path: str) -> Iterator[Content]:
    """Open an artifact, an ONNX model or a safetensors checkpoint, to be read within the block.

    Raises:
        UsageError: If a file cannot be opened.
        RefusedError: If it is none of them, or is malformed.
    """
    with open_regular(path) as file:
        is_artifact = file.read(len(MAGIC)) == MAGIC or Path(path).suffix == ".prunepack"
    if is_artifact:
        with Artifact.open(path) as artifact:
            yield PackedContent(artifact)
    else:
        yield LooseContent(open_sources(path))
