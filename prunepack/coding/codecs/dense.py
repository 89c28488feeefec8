"""The elements themselves, in one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec, check_names, check_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Dense"]

MIN_DENSITY = 0.4
"""With a smaller fraction of nonzero elements, this codec is never the smallest."""


class Dense(Codec):
    """Stream ``elements``: the elements as they are."""

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return the elements as the only stream, or None if most of them are zero."""
        if chunk.places.size < MIN_DENSITY * chunk.elements.size:
            return None
        return {"elements": chunk.elements}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require one stream of the chunk's own type and length."""
        check_names(streams, "elements")
        check_stream(streams, "elements", whole)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Copy the stream."""
        chunk.elements[:] = streams["elements"]
