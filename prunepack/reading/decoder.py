"""Decoding chunks: into one buffer, one after the other, or those that a file is made of."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.zstd_frames import decompress
from prunepack.errors import inside
from prunepack.io.parallel import count_threads, run_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.format.container import Container
    from prunepack.format.layout import Layout, PlacedChunk, PlacedStream

    Key = tuple[int, int]  # of a chunk: the index of its pool, its own index there

__all__ = ["Decoder", "Piece", "decode_chunk"]

KEPT_CHUNKS = 8
"""Decoded chunks that are kept, so that small neighbours in a pool are decoded once."""

ALIGNMENT = 64
"""Of a pool in a buffer: a cache line, and a register of AVX-512."""


class Piece(NamedTuple):
    """Bytes of a file: a part of a chunk of a pool, or of the literal stream where that is None."""

    pool: int | None
    chunk: int
    first: int
    stop: int


class Decoder:
    """Decodes the chunks of an artifact; any number of threads may use it.

    Every stream is checked against its CRC-32.

    Raises:
        CorruptArtifactError: By every method, if a stream is damaged.
    """

    def __init__(self, container: Container, layout: Layout) -> None:
        self._container = container
        self._layout = layout
        self._kept = lru_cache(KEPT_CHUNKS)(self._decode)

    def chunk(self, pool: int | None, index: int) -> Array:
        """Return the items of a chunk of a pool, or the bytes of one of the literal stream.

        The array is 1-D, of the carrier type, read-only, and perhaps given to others as well.
        """
        return self._kept(pool, index)

    def chunks_together(
        self, keys: Iterable[Key], threads: int | None
    ) -> tuple[Array, dict[Key, int]]:
        """Decode chunks of pools into a new buffer.

        Args:
            keys: Pool and index of each, ascending.
            threads: How many threads decode, if not one per core.

        Returns:
            The buffer, and where in it each chunk begins.
        """
        places, size = self._places(keys)
        buffer = np.zeros(size, np.uint8)
        tasks = (partial(self._fill, *key, buffer[at:]) for key, at in places.items())
        for _ in run_in_order(tasks, count_threads(threads, size)):
            pass
        return buffer, places

    def pieces(self, pieces: Iterable[Piece], threads: int) -> Iterator[memoryview]:
        """Yield the bytes of each piece; neighbours that share a chunk are one task."""
        groups = groupby(pieces, key=lambda piece: (piece.pool, piece.chunk))
        tasks = (partial(self._cut, *key, list(group)) for key, group in groups)
        for parts in run_in_order(tasks, threads):
            yield from parts

    def _cut(self, pool: int | None, index: int, pieces: Sequence[Piece]) -> list[memoryview]:
        chunk = self.chunk(pool, index)
        return [chunk[piece.first : piece.stop].data.cast("B") for piece in pieces]

    def _decode(self, pool: int | None, index: int) -> Array:
        if pool is None:
            return self._decode_literal(index)
        placed = self._layout.pools[pool]
        out = np.zeros(placed.chunks[index].count * placed.dtype.itemsize, np.uint8)
        self._fill(pool, index, out)
        out.flags.writeable = False
        return out.view(placed.dtype.carrier)

    def _decode_literal(self, index: int) -> Array:
        stream = self._layout.literals[index]
        with inside(f"literal chunk {index}"):
            return np.frombuffer(decompress(self._read(stream), stream.spec.nbytes), np.uint8)

    def _fill(self, pool: int, index: int, out: Array) -> None:
        """Decode a chunk into the first of the bytes ``out``, which are all zero."""
        placed = self._layout.pools[pool]
        chunk = placed.chunks[index]
        elements = out[: chunk.count * placed.dtype.itemsize].view(placed.dtype.carrier)
        with inside(f"{placed.label}, chunk {index}"):
            decode_chunk(
                chunk, ChunkElements(elements, placed.shapes, index * placed.chunk), self._read
            )

    def _read(self, stream: PlacedStream) -> bytes:
        return self._container.read(stream.offset, stream.size, stream.crc32)

    def _places(self, keys: Iterable[Key]) -> tuple[dict[Key, int], int]:
        """Give the chunks a place in a buffer: end to end within a pool, each pool aligned."""
        places, at, last = {}, 0, -1
        for pool, index in keys:
            if pool != last:
                at, last = -(-at // ALIGNMENT) * ALIGNMENT, pool
            places[pool, index] = at
            placed = self._layout.pools[pool]
            at += placed.chunks[index].count * placed.dtype.itemsize
        return places, at


def decode_chunk(
    chunk: PlacedChunk, block: ChunkElements, read: Callable[[PlacedStream], bytes]
) -> None:
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
            arrays[name] = COMPRESSORS[stream.coder].decode(read(stream), stream.spec)
    CODECS[chunk.codec].decode(arrays, block)
