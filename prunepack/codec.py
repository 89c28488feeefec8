"""What a codec is: elements on one side, a few named arrays on the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.dtypes import Array, ArraySpec

__all__ = ["Codec", "check_names"]


class Codec(ABC):
    """A reversible way to see the elements of one chunk as named 1-D arrays, its streams.

    The module's name is the codec's id in the file, so both are a promise.
    """

    @abstractmethod
    def encode(self, elements: Array) -> Mapping[str, Array] | None:
        """Split ``elements`` (1-D, not empty, any carrier dtype) into streams.

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
    def decode(self, streams: Mapping[str, Array], out: Array) -> None:
        """Undo :meth:`encode`.

        Args:
            streams: Arrays that are as :meth:`check` accepted them.
            out: The chunk's elements (1-D, all zero on entry).

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
