"""Encoding of one chunk: the codec and the compressors that make it smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.codecs import CODECS
from prunepack.format.header import Chunk, Stream
from prunepack.writing.compression import StreamDraft

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level

__all__ = ["EncodedChunk", "encode_chunk", "estimate_cost"]

STREAM_OVERHEAD = 24
"""Estimate of the compressed bytes that a stream takes in the header."""


CODEC_MARGIN = 1.003
"""A codec is encoded thoroughly if its quick result is at most this factor above the best."""

UNPREDICTABLE = frozenset({"bitmap", "dense", "signs"})
"""Codecs whose streams may repeat, which a quick compressor does not see."""


class EncodedChunk(NamedTuple):
    """The header of a chunk, and its stored bytes: the streams in the order of their names."""

    chunk: Chunk
    data: bytes

    @property
    def cost(self) -> int:
        """Its bytes in the payload, and an estimate of those in the header."""
        return estimate_cost(self.chunk.streams.values())


def encode_chunk(elements: ChunkElements, levels: Sequence[Level]) -> list[EncodedChunk]:
    """Encode a chunk at each of ``levels``, from the lowest to the highest.

    A level also has the choice of the lower ones. Of equal results the one of the lower level, and
    then the first codec by name is chosen.
    """
    encodings = _Encodings(elements)
    results: list[EncodedChunk] = []
    for level in levels:
        candidates = [encodings.encode(codec) for codec in sorted(level.codecs)]
        priced = [candidate for candidate in candidates if candidate is not None]
        if level.thorough:
            near = encodings.choose_near(priced)
            again = [encodings.encode(codec, thorough=True) for codec in near]
            priced = [candidate for candidate in again if candidate is not None]
        results.append(min([*results[-1:], *priced], key=lambda result: result.cost))
    return results


def estimate_cost(streams: Iterable[Stream]) -> int:
    """Return the bytes of streams in the payload, and an estimate of those in the header."""
    return sum(stream.size + STREAM_OVERHEAD for stream in streams)


class _Encodings:
    """Encodings of one chunk; no codec and no compressor does the same work twice."""

    def __init__(self, elements: ChunkElements) -> None:
        self._elements = elements
        self._splits: dict[str, Mapping[str, Array] | None] = {}
        self._drafts: dict[int, StreamDraft] = {}

    def encode(self, codec: str, *, thorough: bool = False) -> EncodedChunk | None:
        """Return the chunk as ``codec`` encodes it, or None if the codec does not apply."""
        if codec not in self._splits:
            self._splits[codec] = CODECS[codec].encode(self._elements)
        if (split := self._splits[codec]) is None:
            return None
        stored = {name: self._draft(split[name]).store(thorough=thorough) for name in sorted(split)}
        chunk = Chunk(codec, {name: stream for name, (stream, _) in stored.items()})
        return EncodedChunk(chunk, b"".join(data for _, data in stored.values()))

    def choose_near(self, priced: Sequence[EncodedChunk]) -> list[str]:
        """Return the codecs that a thorough encoding may make the smallest."""
        limit = CODEC_MARGIN * min(result.cost for result in priced)
        return [
            result.chunk.codec
            for result in priced
            if result.cost <= limit or self._hides_matches(result.chunk.codec)
        ]

    def _hides_matches(self, codec: str) -> bool:
        split = self._splits[codec] if codec in UNPREDICTABLE else None
        return split is not None and any(self._draft(a).hides_matches for a in split.values())

    def _draft(self, array: Array) -> StreamDraft:
        """Return the draft of a stream; one that codecs share has one draft."""
        return self._drafts.setdefault(id(array), StreamDraft(array))
