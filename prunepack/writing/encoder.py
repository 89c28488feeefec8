"""Encoding of one chunk: the codec and the compressors that make it smallest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level

__all__ = ["EncodedChunk", "EncodedStream", "encode"]

STREAM_OVERHEAD = 24
"""About what the header spends on a stream, after compression."""

NEARLY = 1.1
"""A coder is asked to be thorough if its quick result is at most so much larger than the best."""

NEARLY_BEST = 1.003
"""The same of a codec, whose quick result says more about the thorough one."""


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


def encode(block: ChunkElements, level: Level) -> EncodedChunk:
    """Price the codecs by a quick coding, and code the best as well as ``level`` wants.

    Ties go to the first by name.
    """
    streams = ((name, CODECS[name].encode(block)) for name in sorted(level.codecs))
    tried = {name: arrays for name, arrays in streams if arrays is not None}
    priced = _coded(tried, thorough=False)
    best = min(priced, key=_cost)
    if not level.thorough:
        return best
    near = {c.codec: tried[c.codec] for c in priced if c.cost <= NEARLY_BEST * best.cost}
    return min(_coded(near, thorough=True), key=_cost)


def _cost(chunk: EncodedChunk) -> int:
    return chunk.cost


def _coded(tried: Mapping[str, Mapping[str, Array]], *, thorough: bool) -> list[EncodedChunk]:
    """Code the streams of every codec; arrays that codecs share are coded once."""
    coded: dict[int, EncodedStream] = {}
    for array in (array for streams in tried.values() for array in streams.values()):
        if id(array) not in coded:
            coded[id(array)] = _smallest(array, thorough=thorough)
    return [
        EncodedChunk(codec, {name: coded[id(streams[name])] for name in sorted(streams)})
        for codec, streams in tried.items()
    ]


def _smallest(array: Array, *, thorough: bool) -> EncodedStream:
    """Code ``array`` with every coder, and again with those near the best if ``thorough``."""
    tried = {name: coder.encode(array) for name, coder in COMPRESSORS.items()}
    if thorough:
        least = min(map(len, tried.values()))
        for name in [name for name, data in tried.items() if len(data) <= NEARLY * least]:
            again = COMPRESSORS[name].encode(array, thorough=True)
            tried[name] = min(tried[name], again, key=len)
    name = min(tried, key=lambda name: len(tried[name]))
    return EncodedStream(name, array.dtype.name, array.size, tried[name])
