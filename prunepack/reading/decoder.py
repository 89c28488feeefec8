"""Decoding of chunks: one at a time, several into one buffer, or those of a file."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.dtypes import DTYPES
from prunepack.errors import inside
from prunepack.format.layout import ChunkSlice
from prunepack.io.parallel import count_threads, run_in_order
from prunepack.reading.chunks import decode_chunk
from prunepack.reading.literals import decode_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prunepack.coding.dtypes import Array
    from prunepack.format.container import Container
    from prunepack.format.layout import Layout, PlacedStream, TensorInfo

    ChunkKey = tuple[int, int]  # index of a pool, and index of a chunk in it

__all__ = ["Decoder"]

CACHED_CHUNKS = 8
"""Decoded chunks in the cache, so that neighbouring tensors of a pool are decoded once."""

ALIGNMENT_BYTES = 64
"""Alignment of a pool in a buffer: a cache line, and a register of AVX-512."""


class Decoder:
    """Decodes the chunks of an artifact; any number of threads may use it.

    The CRC-32 of each stream is checked.

    Raises:
        CorruptArtifactError: From each method, if a stream is damaged.
    """

    def __init__(self, container: Container, layout: Layout) -> None:
        self._container = container
        self._layout = layout
        self._get_cached = lru_cache(CACHED_CHUNKS)(self._decode)

    def get_chunk(self, pool: int | None, index: int) -> Array:
        """Return the items of a chunk of a pool or, without a pool, of the literal stream.

        The array is 1-D, of the carrier type, read-only, and may be shared with other callers.
        """
        return self._get_cached(pool, index)

    def decode_into_buffer(
        self, keys: Iterable[ChunkKey], threads: int | None
    ) -> tuple[Array, dict[ChunkKey, int]]:
        """Decode chunks of pools into a new buffer.

        Args:
            keys: Pool and index of each chunk, ascending.
            threads: Number of threads that decode, by default one per core.

        Returns:
            The buffer, and the offset of each chunk in it.
        """
        places, size = self._place_chunks(keys)
        buffer = np.zeros(size, np.uint8)
        tasks = (partial(self._fill, *key, buffer[at:]) for key, at in places.items())
        for _ in run_in_order(tasks, count_threads(threads, size)):
            pass
        return buffer, places

    def decode_parts(
        self, parts: Iterable[ChunkSlice | TensorInfo], threads: int
    ) -> Iterator[memoryview]:
        """Yield the bytes of each part of a file; neighbours in one chunk are one task."""
        groups = groupby(parts, key=_name_task)
        tasks = (partial(self._decode_group, list(group)) for _, group in groups)
        for pieces in run_in_order(tasks, threads):
            yield from pieces

    def iter_items(self, tensor: TensorInfo) -> Iterator[Array]:
        """Yield the items of a tensor a chunk at a time, or of a transposed copy at once (1-D)."""
        if tensor.axes:
            yield self._transpose(tensor)
            return
        for part in self._layout.slice_tensor(tensor):
            yield self.get_chunk(part.pool, part.chunk)[part.first : part.stop]

    def _transpose(self, tensor: TensorInfo) -> Array:
        items = list(self.iter_items(tensor._replace(axes=())))
        stored = np.concatenate([*items, np.empty(0, DTYPES[tensor.dtype].carrier)])
        turned: Array = stored.reshape(tensor.stored_shape).transpose(tensor.axes).ravel()
        turned.flags.writeable = False
        return turned

    def _decode_group(self, parts: Sequence[ChunkSlice | TensorInfo]) -> list[memoryview]:
        pieces = []
        for part in parts:
            if isinstance(part, ChunkSlice):
                items = self.get_chunk(part.pool, part.chunk)[part.first : part.stop]
            else:
                items = self._transpose(part)
            pieces.append(items.data.cast("B"))
        return pieces

    def _decode(self, pool: int | None, index: int) -> Array:
        if pool is None:
            return self._decode_literal(index)
        placed = self._layout.pools[pool]
        out = np.zeros(placed.chunks[index].count * placed.dtype.itemsize, np.uint8)
        self._fill(pool, index, out)
        out.flags.writeable = False
        return out.view(placed.dtype.carrier)

    def _decode_literal(self, index: int) -> Array:
        with inside(f"literal chunk {index}"):
            return decode_literal(self._layout.literals[index], self._read)

    def _fill(self, pool: int, index: int, out: Array) -> None:
        """Decode a chunk into the first bytes of ``out``, which holds zeros only."""
        placed = self._layout.pools[pool]
        chunk = placed.chunks[index]
        elements = out[: chunk.count * placed.dtype.itemsize].view(placed.dtype.carrier)
        with inside(f"{placed.label}, chunk {index}"):
            decode_chunk(
                chunk, ChunkElements(elements, placed.shapes, index * placed.chunk), self._read
            )

    def _read(self, stream: PlacedStream) -> bytes:
        return self._container.read(stream.offset, stream.size, stream.crc32)

    def _place_chunks(self, keys: Iterable[ChunkKey]) -> tuple[dict[ChunkKey, int], int]:
        """Return the offsets of chunks in a buffer with aligned pools, and its size."""
        places, at, last = {}, 0, -1
        for pool, index in keys:
            if pool != last:
                at, last = -(-at // ALIGNMENT_BYTES) * ALIGNMENT_BYTES, pool
            places[pool, index] = at
            placed = self._layout.pools[pool]
            at += placed.chunks[index].count * placed.dtype.itemsize
        return places, at


def _name_task(part: ChunkSlice | TensorInfo) -> tuple[object, ...]:
    """Return the chunk of a slice, or the name of a transposed copy."""
    return (part.pool, part.chunk) if isinstance(part, ChunkSlice) else (part.name,)
