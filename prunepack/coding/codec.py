"""What a codec is: elements on one side, a few named arrays on the other."""

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
    from prunepack.coding.geometry import Run, Shapes

__all__ = ["ChunkElements", "Codec", "check_names", "check_stream"]


@dataclass(frozen=True)
class ChunkElements:
    """The elements of one chunk; what several codecs ask about them is worked out once.

    Attributes:
        elements: Items of a carrier type (1-D, contiguous, not empty).
        shapes: The shapes of the pool that they are from.
        start: Index of the first in that pool.
    """

    elements: Array
    shapes: Shapes
    start: int = 0

    @property
    def runs(self) -> list[Run]:
        """How the elements lie in their tensors."""
        return list(self.shapes.runs(self.start, self.start + self.elements.size))

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
    """A reversible way to see the elements of one chunk as named 1-D arrays, its streams.

    The module's name is the codec's id in the file, so both are a promise.
    """

    @abstractmethod
    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Split the elements of ``block`` into streams.

        Returns:
            Streams by name, none of them empty, or None where the codec does not apply.
        """

    @abstractmethod
    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Check what the header promises, before anything is decoded or allocated.

        Args:
            streams: The declared streams.
            whole: Type and number of the chunk's elements.

        Raises:
            CorruptArtifactError: If :meth:`encode` could not have made these streams.
        """

    @abstractmethod
    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Undo :meth:`encode`.

        Args:
            streams: Arrays that are as :meth:`check` accepted them.
            block: Its elements, all zero on entry, are filled.

        Raises:
            CorruptArtifactError: If the arrays contradict each other or the chunk.
        """


def check_names(streams: Mapping[str, ArraySpec], *names: str) -> None:
    """Check that there are the streams ``names`` and no other.

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
    streams: Mapping[str, ArraySpec], name: str, expected: ArraySpec, least: int | None = None
) -> None:
    """Check the type and the length of the stream ``name``.

    Args:
        streams: The declared streams.
        name: One of them.
        expected: Its type, and its length or, if ``least`` is given, its greatest length.
        least: Its least length.

    Raises:
        CorruptArtifactError: If either is not what is expected.
    """
    found = streams[name]
    least = expected.count if least is None else least
    if found.dtype != expected.dtype or not least <= found.count <= expected.count:
        length = f"{least} to {expected.count}" if least < expected.count else str(expected.count)
        raise CorruptArtifactError(
            f"wrong type or length of stream {name}",
            expected=f"{length} x {expected.dtype}",
            found=f"{found.count} x {found.dtype}",
        )
