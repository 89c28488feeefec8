"""Contract of a codec: elements on one side, a few named arrays on the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import bits
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array, ArraySpec
    from prunepack.coding.geometry import ElementSpan, Shapes

__all__ = ["ChunkElements", "Codec", "check_names", "check_stream"]


@dataclass(frozen=True)
class ChunkElements:
    """The elements of one chunk, with facts that several codecs need, computed once.

    Attributes:
        elements: Items of a carrier type (1-D, contiguous, not empty).
        shapes: The shapes of their pool.
        start: Index of the first item in that pool.
    """

    elements: Array
    shapes: Shapes
    start: int = 0

    @property
    def spans(self) -> list[ElementSpan]:
        """The parts of tensors that the elements are."""
        return list(self.shapes.spans(self.start, self.start + self.elements.size))

    @cached_property
    def places(self) -> Array:
        """Indices of the elements that are not zero: 1-D, int64."""
        return np.flatnonzero(bits(self.elements) != 0)  # of booleans: a fifth faster

    @cached_property
    def values(self) -> Array:
        """The elements that are not zero, in order."""
        return self.elements[self.places]

    @property
    def is_mixed(self) -> bool:
        """Whether some elements are zero and some are not."""
        return 0 < self.places.size < self.elements.size


class Codec(ABC):
    """A reversible split of the elements of one chunk into named 1-D arrays, its streams.

    The name of the module is the codec's id in the file, so that both are a promise.
    """

    @abstractmethod
    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Split the elements of ``chunk`` into streams.

        Returns:
            Streams by name, all of them with elements, or None if the codec does not apply.
        """

    @abstractmethod
    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Check the declarations of the header, before anything is decoded or allocated.

        Args:
            streams: The declared streams.
            whole: Type and number of the chunk's elements.

        Raises:
            CorruptArtifactError: If :meth:`encode` cannot have made these streams.
        """

    @abstractmethod
    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Undo :meth:`encode`.

        Args:
            streams: Arrays that :meth:`check` accepted.
            chunk: Its elements, all of them zero, are overwritten.

        Raises:
            CorruptArtifactError: If the arrays contradict each other or the chunk.
        """


def check_names(streams: Mapping[str, ArraySpec], *names: str) -> None:
    """Check that the streams are exactly those called ``names``.

    Raises:
        CorruptArtifactError: If one is missing or too many.
    """
    if sorted(streams) != sorted(names):
        raise CorruptArtifactError(
            "wrong streams for this codec",
            expected=" and ".join(names) or "none",
            found=" and ".join(sorted(streams)) or "none",
        )


def check_stream(
    streams: Mapping[str, ArraySpec], name: str, expected: ArraySpec, min_count: int | None = None
) -> None:
    """Check the type and the length of the stream ``name``.

    Args:
        streams: The declared streams.
        name: One of them.
        expected: Its type, and its length or, with ``min_count``, its greatest length.
        min_count: Its least length.

    Raises:
        CorruptArtifactError: If its type or length is wrong.
    """
    found = streams[name]
    least = expected.count if min_count is None else min_count
    if found.dtype != expected.dtype or not least <= found.count <= expected.count:
        length = f"{least} to {expected.count}" if least < expected.count else str(expected.count)
        raise CorruptArtifactError(
            f"wrong type or length of stream {name}",
            expected=f"{length} x {expected.dtype}",
            found=f"{found.count} x {found.dtype}",
        )
