"""From the files of a model to the bytes of an artifact."""

from __future__ import annotations

import hashlib
import zlib
from functools import partial
from itertools import count, pairwise
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.geometry import Shapes
from prunepack.coding.levels import effort
from prunepack.coding.zstd_frames import compress
from prunepack.format.container import write_container
from prunepack.format.header import Chunk, File, Frame, Header, Literals, Pool, Stream, Tensor
from prunepack.io.parallel import run_in_order
from prunepack.writing.encoder import encode
from prunepack.writing.pools import cut, make_pools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedRandom

    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level
    from prunepack.model_files.discovery import Source
    from prunepack.writing.encoder import EncodedChunk
    from prunepack.writing.pools import Member

__all__ = ["write_artifact"]

CHUNK_ITEMS = 2**20
LITERAL_CHUNK = 4 * 1024**2


def write_artifact(
    target: BufferedRandom,
    sources: Sequence[Source],
    scratch: str,
    level: Level,
    threads: int,
    done: Callable[[int], None],
) -> None:
    """Write ``sources`` as one artifact; the same sources always make the same bytes.

    Args:
        target: An empty file, open for reading and writing.
        sources: The files; the first is the model.
        scratch: Folder for the payload, whose size must be known before the header is written.
        level: How hard to try.
        threads: How many threads code; their number changes nothing in the result.
        done: Called with each number of source bytes that has been coded.
    """
    pools, copies = make_pools(sources)
    level = effort(level, sum(member.count for pool in pools for member in pool))
    with TemporaryFile(dir=scratch) as payload:
        writer = _PayloadWriter(payload, level, threads, done)
        literals = writer.store_literals(sources)
        stored = writer.store_pools(pools)
        files = tuple(map(_file, sources))
        header = Header(files, literals, stored, tuple(copies))
        payload.seek(0)
        write_container(target, header.to_bytes(), payload)


class _PayloadWriter:
    """Writes stored bytes back to back and tells the header about them."""

    def __init__(
        self, payload: IO[bytes], level: Level, threads: int, done: Callable[[int], None]
    ) -> None:
        self._payload = payload
        self._level, self._threads = level, threads
        self._done = done

    def store_literals(self, sources: Sequence[Source]) -> Literals:
        """Store what belongs to no tensor."""
        runs = (
            np.frombuffer(block, np.uint8)
            for source in sources
            for start, stop in _literal_runs(source)
            for block in source.file.iter_blocks(start, stop)
        )
        frames = [self._store_frame(chunk) for chunk in cut(runs, LITERAL_CHUNK)]
        return Literals(LITERAL_CHUNK, tuple(frames))

    def store_pools(self, pools: Sequence[Sequence[Member]]) -> tuple[Pool, ...]:
        """Store the tensors of all pools, chunk by chunk."""
        blocks = ((index, block) for index, pool in enumerate(pools) for block in _blocks(pool))
        tasks = (partial(self._encode, index, block) for index, block in blocks)
        stored: list[list[Chunk]] = [[] for _ in pools]
        for index, size, encoded in run_in_order(tasks, self._threads):
            stored[index].append(self._store_chunk(encoded))
            self._done(size)
        return tuple(
            Pool(
                members[0].span.dtype.name,
                CHUNK_ITEMS,
                tuple(Tensor(member.span.name, member.span.shape) for member in members),
                tuple(own),
            )
            for members, own in zip(pools, stored, strict=True)
        )

    def _encode(self, index: int, block: ChunkElements) -> tuple[int, int, EncodedChunk]:
        return index, block.elements.nbytes, encode(block, self._level)

    def _store_frame(self, chunk: Array) -> Frame:
        frame = Frame(*self._store(compress(chunk.data)))
        self._done(chunk.nbytes)
        return frame

    def _store_chunk(self, encoded: EncodedChunk) -> Chunk:
        streams = {
            name: Stream(s.coder, s.dtype, s.count, *self._store(s.data))
            for name, s in encoded.streams.items()
        }
        return Chunk(encoded.codec, streams)

    def _store(self, data: bytes) -> tuple[int, int]:
        self._payload.write(data)
        return len(data), zlib.crc32(data)


def _blocks(members: Sequence[Member]) -> Iterator[ChunkElements]:
    """Read the tensors of a pool chunk by chunk."""
    shapes = Shapes([member.span.shape for member in members], members[0].span.dtype)
    items = (part for member in members for part in member.items())
    for start, elements in zip(count(0, CHUNK_ITEMS), cut(items, CHUNK_ITEMS)):
        yield ChunkElements(elements, shapes, start)


def _literal_runs(source: Source) -> Iterator[tuple[int, int]]:
    """Yield start and stop of what lies before, between and behind the spans."""
    edges = [0, *(edge for span in source.spans for edge in (span.start, span.stop))]
    edges.append(source.file.size)
    yield from ((a, b) for a, b in list(pairwise(edges))[::2] if a < b)


def _file(source: Source) -> File:
    segments: list[int | str] = []
    at = 0
    for span in source.spans:
        segments += [span.start - at, span.name]
        at = span.stop
    segments.append(source.file.size - at)
    digest = hashlib.sha256()
    for block in source.file.iter_blocks(0, source.file.size):
        digest.update(block)
    named = tuple(segment for segment in segments if segment != 0)
    return File(source.name, source.file.size, digest.hexdigest(), named)
