"""The elements themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec, check_names, check_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Dense"]

LEAST = 0.4
"""With fewer nonzero elements, coding the zeros one by one is never the smallest."""


class Dense(Codec):
    """One stream ``elements``: what there is, as it is."""

    def encode(self, block: ChunkElements) -> Mapping[str, Array] | None:
        """Return the elements as the only stream, or None where zeros are better left out."""
        if block.places.size < LEAST * block.elements.size:
            return None
        return {"elements": block.elements}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require one stream of the chunk's own type and length."""
        check_names(streams, "elements")
        check_stream(streams, "elements", whole)

    def decode(self, streams: Mapping[str, Array], block: ChunkElements) -> None:
        """Copy the stream."""
        block.elements[:] = streams["elements"]
