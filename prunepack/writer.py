"""From the files of a model to the bytes of an artifact."""

from __future__ import annotations

import hashlib
import zlib
from itertools import pairwise
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np

from prunepack import chunks
from prunepack.container import write_container
from prunepack.frames import compress
from prunepack.header import Chunk, File, Frame, Header, Literals, Pool, Stream, Tensor
from prunepack.pooling import cut, make_pools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedRandom

    from prunepack.dtypes import Array
    from prunepack.pooling import Member
    from prunepack.sources import Source

__all__ = ["write_artifact"]

CHUNK_ELEMENTS = 2**20
LITERAL_CHUNK = 4 * 1024**2


def write_artifact(
    target: BufferedRandom, sources: Sequence[Source], scratch: str, done: Callable[[int], None]
) -> None:
    """Write ``sources`` as one artifact; the same sources always make the same bytes.

    Args:
        target: An empty file, open for reading and writing.
        sources: The files; the first is the model.
        scratch: Folder for the payload, whose size must be known before the header is written.
        done: Called with each number of source bytes that has been coded.
    """
    pools, copies = make_pools(sources)
    with TemporaryFile(dir=scratch) as payload:
        writer = _PayloadWriter(payload, done)
        literals = writer.store_literals(sources)
        stored = tuple(writer.store_pool(members) for members in pools)
        files = tuple(map(_file, sources))
        header = Header(files, literals, stored, tuple(copies))
        payload.seek(0)
        write_container(target, header.to_bytes(), payload)


class _PayloadWriter:
    """Writes stored bytes back to back and tells the header about them."""

    def __init__(self, payload: IO[bytes], done: Callable[[int], None]) -> None:
        self._payload = payload
        self._done = done

    def store_literals(self, sources: Sequence[Source]) -> Literals:
        """Store what belongs to no tensor."""
        runs = (
            np.frombuffer(source.data[start:stop], np.uint8)
            for source in sources
            for start, stop in _literal_runs(source)
        )
        frames = [self._store_frame(chunk) for chunk in cut(runs, LITERAL_CHUNK)]
        return Literals(LITERAL_CHUNK, tuple(frames))

    def store_pool(self, members: Sequence[Member]) -> Pool:
        """Store the tensors of one pool."""
        runs = cut((member.elements for member in members), CHUNK_ELEMENTS)
        stored = tuple(self._store_chunk(elements) for elements in runs)
        tensors = tuple(Tensor(member.span.name, member.span.shape) for member in members)
        return Pool(members[0].span.dtype.name, CHUNK_ELEMENTS, tensors, stored)

    def _store_frame(self, chunk: Array) -> Frame:
        frame = Frame(*self._store(compress(chunk.data)))
        self._done(chunk.nbytes)
        return frame

    def _store_chunk(self, elements: Array) -> Chunk:
        encoded = chunks.encode(elements)
        streams = {
            name: Stream(s.coder, s.dtype, s.count, *self._store(s.data))
            for name, s in encoded.streams.items()
        }
        self._done(elements.nbytes)
        return Chunk(encoded.codec, streams)

    def _store(self, data: bytes) -> tuple[int, int]:
        self._payload.write(data)
        return len(data), zlib.crc32(data)


def _literal_runs(source: Source) -> Iterator[tuple[int, int]]:
    """Yield start and stop of what lies before, between and behind the spans."""
    edges = [0, *(edge for span in source.spans for edge in (span.start, span.stop))]
    edges.append(len(source.data))
    yield from ((a, b) for a, b in list(pairwise(edges))[::2] if a < b)


def _file(source: Source) -> File:
    segments: list[int | str] = []
    at = 0
    for span in source.spans:
        segments += [span.start - at, span.name]
        at = span.stop
    segments.append(len(source.data) - at)
    digest = hashlib.sha256(source.data).hexdigest()
    return File(source.name, len(source.data), digest, tuple(s for s in segments if s != 0))
