"""One element, repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec, check_names, check_stream
from prunepack.coding.dtypes import ArraySpec, bits
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array

__all__ = ["Constant"]


class Constant(Codec):
    """Stream ``value``: the nonzero element that all elements are equal to."""

    def encode(self, chunk: ChunkElements) -> Mapping[str, Array] | None:
        """Return the first element, or None if it is zero or another element differs."""
        words = bits(chunk.elements)
        return {"value": chunk.elements[:1]} if words[0] and (words == words[0]).all() else None

    def check(self, streams: Mapping[str, ArraySpec], whole: ArraySpec) -> None:
        """Require one element of the chunk's own type."""
        check_names(streams, "value")
        check_stream(streams, "value", ArraySpec(whole.dtype, 1))

    def decode(self, streams: Mapping[str, Array], chunk: ChunkElements) -> None:
        """Repeat the element."""
        if not bits(streams["value"])[0]:
            raise CorruptArtifactError("the constant is a zero", hint="Pack the model again")
        bits(chunk.elements)[:] = bits(streams["value"])
