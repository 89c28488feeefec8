"""Encoding of one chunk: the codec and the compressors that make it smallest."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.format.header import Chunk, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunepack.coding.codec import ChunkElements
    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level

__all__ = ["encode_chunk", "estimate_cost"]

STREAM_OVERHEAD = 24
"""Estimate of the compressed bytes that a stream takes in the header."""

COMPRESSOR_MARGIN = 1.1
"""A compressor is run thoroughly if its quick result is at most this factor above the best."""

CODEC_MARGIN = 1.003
"""The same factor for a codec, whose quick result predicts the thorough one better."""

StoredStream: TypeAlias = tuple[Stream, bytes]
"""The header of a stream, and its stored bytes."""

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
            stored[id(array)] = _compress(array, thorough=thorough)
    return {
        codec: {name: stored[id(streams[name])] for name in sorted(streams)}
        for codec, streams in splits.items()
    }


def _compress(array: Array, *, thorough: bool) -> StoredStream:
    """Run each compressor on ``array`` and, if ``thorough``, the best of them once more."""
    results = {name: compressor.encode(array) for name, compressor in COMPRESSORS.items()}
    if thorough:
        limit = COMPRESSOR_MARGIN * min(map(len, results.values()))
        for name in [name for name, data in results.items() if len(data) <= limit]:
            again = COMPRESSORS[name].encode(array, thorough=True)
            results[name] = min(results[name], again, key=len)
    name = min(results, key=lambda name: len(results[name]))
    data = results[name]
    return Stream(name, array.dtype.name, array.size, len(data), zlib.crc32(data)), data
