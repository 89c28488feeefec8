"""One chunk of elements: coded in whichever way is smallest, and decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.codecs import CODECS
from prunepack.coders import CODERS
from prunepack.location import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunepack.codec import Block
    from prunepack.dtypes import Array
    from prunepack.layout import PlacedChunk, PlacedStream
    from prunepack.levels import Level

__all__ = ["EncodedChunk", "EncodedStream", "decode", "encode"]

STREAM_OVERHEAD = 24
"""About what the header spends on a stream, after compression."""

NEARLY = 1.1
"""A coder is asked to be thorough if its quick result is at most so much larger than the best."""


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


def encode(block: Block, level: Level) -> EncodedChunk:
    """Price the codecs by a quick coding, and code the cheapest as well as ``level`` wants.

    Ties go to the first by name.
    """
    coded = {name: CODECS[name].encode(block) for name in sorted(level.codecs)}
    tried = {name: streams for name, streams in coded.items() if streams is not None}
    quick: dict[int, EncodedStream] = {}  # by identity: codecs share the values of a block
    for array in (array for streams in tried.values() for array in streams.values()):
        if id(array) not in quick:
            quick[id(array)] = _smallest(array, _quickly(array))
    priced = [
        EncodedChunk(codec, {name: quick[id(streams[name])] for name in sorted(streams)})
        for codec, streams in tried.items()
    ]
    best = min(priced, key=lambda chunk: chunk.cost)
    if not level.thorough:
        return best
    arrays = tried[best.codec]
    return EncodedChunk(best.codec, {name: _thoroughly(arrays[name]) for name in best.streams})


def _quickly(array: Array) -> dict[str, bytes]:
    return {name: coder.encode(array) for name, coder in CODERS.items()}


def _thoroughly(array: Array) -> EncodedStream:
    """Code ``array`` with every coder that comes near the best, as small as it can."""
    coded = _quickly(array)
    least = min(map(len, coded.values()))
    near = [name for name, data in coded.items() if len(data) <= NEARLY * least]
    coded |= {
        name: min(coded[name], CODERS[name].encode(array, thorough=True), key=len) for name in near
    }
    return _smallest(array, coded)


def _smallest(array: Array, coded: Mapping[str, bytes]) -> EncodedStream:
    name = min(coded, key=lambda name: len(coded[name]))
    return EncodedStream(name, array.dtype.name, array.size, coded[name])


def decode(chunk: PlacedChunk, block: Block, read: Callable[[PlacedStream], bytes]) -> None:
    """Fill the elements of ``block``, which are all zero.

    Args:
        chunk: Where the streams lie and what they promise.
        block: As many elements as the chunk has.
        read: Returns the stored bytes of a stream, checked against their CRC-32.

    Raises:
        CorruptArtifactError: If the streams do not decode to what was promised.
    """
    arrays = {}
    for name, stream in chunk.streams.items():
        with inside(f"stream {name}"):
            arrays[name] = CODERS[stream.coder].decode(read(stream), stream.spec)
    CODECS[chunk.codec].decode(arrays, block)
