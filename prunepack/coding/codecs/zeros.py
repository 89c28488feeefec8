"""Elements whose bits are all zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec, check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array, ArraySpec

__all__ = ["Zeros"]


class Zeros(Codec):
    """No streams: every bit of every element is zero."""

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return no streams, or None if any bit is set."""
        return None if chunk.places.size else {}

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:  # noqa: ARG002 -- any number of zeros is right
        """Refuse any stream."""
        check_names(streams)

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Leave the elements at zero."""
