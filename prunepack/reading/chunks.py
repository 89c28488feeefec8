"""Decoding of one chunk from its stored streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.errors import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.coding.codec import ChunkElements
    from prunepack.format.layout import PlacedChunk, PlacedStream

__all__ = ["decode_chunk"]


def decode_chunk(
    placed: PlacedChunk, chunk: ChunkElements, read: Callable[[PlacedStream], bytes]
) -> None:
    """Decode the streams of a chunk into its elements, which are zero before.

    ``read`` returns the stored bytes of a stream after checking their CRC-32.

    Raises:
        CorruptArtifactError: If the streams do not decode as declared.
    """
    arrays = {}
    for name, stream in placed.streams.items():
        with inside(f"stream {name}"):
            arrays[name] = COMPRESSORS[stream.coder].decode(read(stream), stream.spec)
    CODECS[placed.codec].decode(arrays, chunk)
