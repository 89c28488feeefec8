"""What is in a model, read piece by piece in the same way whether it is packed or not."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from prunepack.dtypes import DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.dtypes import Array, DType
    from prunepack.header import File
    from prunepack.reader import Artifact

__all__ = ["Content", "PackedContent", "TensorSpec"]


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
