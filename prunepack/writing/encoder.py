"""Encoding of one chunk: the codec and the compressors that make it smallest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from prunepack.coding.codecs import CODECS
from prunepack.format.header import Chunk, Stream
from prunepack.writing.compression import StoredStream, compress_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level

__all__ = ["encode_chunk", "estimate_cost"]

STREAM_OVERHEAD = 24
"""Estimate of the compressed bytes that a stream takes in the header."""


CODEC_MARGIN = 1.003
"""The same factor for a codec, whose quick result predicts the thorough one better."""


Candidates: TypeAlias = Mapping[str, Mapping[str, StoredStream]]
"""Codecs by id, each with its streams by name."""


def encode_chunk(elements: ChunkElements, level: Level) -> tuple[Chunk, bytes]:
    """Encode a chunk by each codec quickly, and by the best of them as well as ``level`` asks.

    Of equal results the first by name is chosen.

    Returns:
        The header of the chunk, and its stored bytes: the streams in the order of their names.
    """
    splits = {name: CODECS[name].encode(elements) for name in sorted(level.codecs)}
    candidates = _compress_all({name: s for name, s in splits.items() if s is not None})
    codec, cost = _find_cheapest(candidates)
    if level.thorough:
        near = {
            name: splits[name] or {}
            for name, streams in candidates.items()
            if estimate_cost(s for s, _ in streams.values()) <= CODEC_MARGIN * cost
        }
        candidates = _compress_all(near, thorough=True)
        codec, _ = _find_cheapest(candidates)
    stored = candidates[codec]
    chunk = Chunk(codec, {name: stream for name, (stream, _) in stored.items()})
    return chunk, b"".join(data for _, data in stored.values())


def estimate_cost(streams: Iterable[Stream]) -> int:
    """Return the bytes of streams in the payload, and an estimate of those in the header."""
    return sum(stream.size + STREAM_OVERHEAD for stream in streams)


def _find_cheapest(candidates: Candidates) -> tuple[str, int]:
    """Return the id of the cheapest codec, and its cost."""
    costs = {
        codec: estimate_cost(stream for stream, _ in streams.values())
        for codec, streams in candidates.items()
    }
    codec = min(costs, key=costs.__getitem__)
    return codec, costs[codec]


def _compress_all(
    splits: Mapping[str, Mapping[str, Array]], *, thorough: bool = False
) -> Candidates:
    """Compress the streams of each codec; an array that codecs share is compressed once."""
    stored: dict[int, StoredStream] = {}
    for array in (array for streams in splits.values() for array in streams.values()):
        if id(array) not in stored:
            stored[id(array)] = compress_stream(array, thorough=thorough)
    return {
        codec: {name: stored[id(streams[name])] for name in sorted(streams)}
        for codec, streams in splits.items()
    }
