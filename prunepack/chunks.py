"""One chunk of elements: coded in whichever way is smallest, and decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.codecs import CODECS
from prunepack.coders import CODERS
from prunepack.location import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunepack.dtypes import Array
    from prunepack.layout import PlacedChunk, PlacedStream

__all__ = ["EncodedChunk", "EncodedStream", "decode", "encode"]

STREAM_OVERHEAD = 24
"""About what the header spends on a stream, after compression."""


@dataclass(frozen=True, slots=True)
class EncodedStream:
    """An array as bytes, ready to be stored."""

    coder: str
    dtype: str
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A chunk as streams, ready to be stored in the order of their names."""

    codec: str
    streams: Mapping[str, EncodedStream]

    @property
    def cost(self) -> int:
        """Bytes it takes in the payload and, about, in the header."""
        return sum(len(s.data) + STREAM_OVERHEAD for s in self.streams.values())


def encode(elements: Array) -> EncodedChunk:
    """Try every codec with every coder and keep the smallest; ties go to the first by name.

    Args:
        elements: The chunk (1-D, contiguous, not empty, any carrier dtype).
    """
    tried = {name: codec.encode(elements) for name, codec in CODECS.items()}
    chunks = [
        EncodedChunk(name, {key: _encode_stream(array) for key, array in sorted(streams.items())})
        for name, streams in tried.items()
        if streams is not None
    ]
    return min(chunks, key=lambda chunk: chunk.cost)


def _encode_stream(array: Array) -> EncodedStream:
    coded = {name: coder.encode(array) for name, coder in CODERS.items()}
    name = min(coded, key=lambda name: len(coded[name]))
    return EncodedStream(name, array.dtype.name, array.size, coded[name])


def decode(chunk: PlacedChunk, out: Array, read: Callable[[PlacedStream], bytes]) -> None:
    """Fill ``out`` (1-D, all zero, as long as the chunk).

    Args:
        chunk: Where the streams lie and what they promise.
        out: The elements.
        read: Returns the stored bytes of a stream, checked against their CRC-32.

    Raises:
        CorruptArtifactError: If the streams do not decode to what was promised.
    """
    arrays = {}
    for name, stream in chunk.streams.items():
        with inside(f"stream {name}"):
            arrays[name] = CODERS[stream.coder].decode(read(stream), stream.spec)
    CODECS[chunk.codec].decode(arrays, out)
