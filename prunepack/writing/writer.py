"""Writing of an artifact: from the files of a model to the bytes of the container.

A weight has at most five records on this way, each made from the one before:

1. ``OnnxTensor``, its declaration in an ONNX file (an entry of a safetensors header has none).
2. ``DeclaredTensor``, the declaration with the file and the offsets of the bytes.
3. ``TensorSpan``, a declaration that has proved right, under a unique name.
4. ``ChunkElements``, items of a pool as the codecs see them.
5. The header's ``Chunk``, whose ``Stream`` objects describe the stored bytes.

The first three are in ``prunepack.model_files``, the others in ``prunepack.coding.codec`` and
``prunepack.format.header``.
"""

from __future__ import annotations

import zlib
from functools import partial
from itertools import count, pairwise
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.geometry import Shapes
from prunepack.coding.levels import raise_level
from prunepack.coding.zstd_frames import compress
from prunepack.format.container import write_container
from prunepack.format.header import Chunk, Frame, Header, Literals, PackedFile, Pool, Tensor
from prunepack.io.parallel import run_in_order
from prunepack.writing.encoder import encode_chunk
from prunepack.writing.pools import make_pools, rechunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedRandom

    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import TensorSpan

__all__ = ["write_artifact"]

CHUNK_ITEMS = 2**20
LITERAL_CHUNK = 4 * 1024**2


def write_artifact(
    target: BufferedRandom,
    sources: Sequence[Source],
    scratch: str,
    level: Level,
    threads: int,
    add_progress: Callable[[int], None],
) -> None:
    """Write ``sources`` as one artifact; the same sources always give the same bytes.

    Args:
        target: An empty file, open for reading and writing.
        sources: The files; the first is the model.
        scratch: Folder for the payload, whose size must be known before the header is written.
        level: Effort of the encoder.
        threads: Number of threads that encode; it does not change the result.
        add_progress: Called with each number of source bytes that has been encoded.
    """
    pools, copies = make_pools(sources)
    level = raise_level(level, sum(span.items for pool in pools for span in pool))
    with TemporaryFile(dir=scratch) as payload:
        writer = _PayloadWriter(payload, level, threads, add_progress)
        literals = writer.store_literals(sources)
        stored = writer.store_pools(pools)
        files = tuple(map(_describe_file, sources))
        header = Header(files, literals, stored, tuple(copies))
        payload.seek(0)
        write_container(target, header.to_bytes(), payload)


class _PayloadWriter:
    """A payload that grows stream by stream, and the descriptions of its streams."""

    def __init__(
        self,
        payload: IO[bytes],
        level: Level,
        threads: int,
        add_progress: Callable[[int], None],
    ) -> None:
        self._payload = payload
        self._level, self._threads = level, threads
        self._add_progress = add_progress

    def store_literals(self, sources: Sequence[Source]) -> Literals:
        """Store the bytes that belong to no tensor."""
        parts = (
            np.frombuffer(block, np.uint8)
            for source in sources
            for start, stop in _literal_ranges(source)
            for block in source.file.iter_blocks(start, stop)
        )
        frames = [self._store_frame(chunk) for chunk in rechunk(parts, LITERAL_CHUNK)]
        return Literals(LITERAL_CHUNK, tuple(frames))

    def store_pools(self, pools: Sequence[Sequence[TensorSpan]]) -> tuple[Pool, ...]:
        """Store the tensors of all pools, chunk by chunk."""
        chunks = ((index, part) for index, pool in enumerate(pools) for part in _read_chunks(pool))
        tasks = (partial(self._encode, index, elements) for index, elements in chunks)
        stored: list[list[Chunk]] = [[] for _ in pools]
        for index, size, chunk, data in run_in_order(tasks, self._threads):
            self._payload.write(data)
            stored[index].append(chunk)
            self._add_progress(size)
        return tuple(map(_describe_pool, pools, stored))

    def _encode(self, index: int, elements: ChunkElements) -> tuple[int, int, Chunk, bytes]:
        return index, elements.elements.nbytes, *encode_chunk(elements, self._level)

    def _store_frame(self, chunk: Array) -> Frame:
        data = compress(chunk.data)
        self._payload.write(data)
        self._add_progress(chunk.nbytes)
        return Frame(len(data), zlib.crc32(data))


def _read_chunks(spans: Sequence[TensorSpan]) -> Iterator[ChunkElements]:
    """Read the tensors of a pool chunk by chunk."""
    shapes = Shapes([span.shape for span in spans], spans[0].dtype)
    items = (part for span in spans for part in span.iter_items())
    for start, elements in zip(count(0, CHUNK_ITEMS), rechunk(items, CHUNK_ITEMS)):
        yield ChunkElements(elements, shapes, start)


def _describe_pool(spans: Sequence[TensorSpan], chunks: Sequence[Chunk]) -> Pool:
    tensors = tuple(Tensor(span.name, span.shape) for span in spans)
    return Pool(spans[0].dtype.name, CHUNK_ITEMS, tensors, tuple(chunks))


def _literal_ranges(source: Source) -> Iterator[tuple[int, int]]:
    """Yield start and stop of the bytes before, between and after the spans."""
    edges = [0, *(edge for span in source.spans for edge in (span.start, span.stop))]
    edges.append(source.file.size)
    yield from ((a, b) for a, b in list(pairwise(edges))[::2] if a < b)


def _describe_file(source: Source) -> PackedFile:
    segments: list[int | str] = []
    at = 0
    for span in source.spans:
        segments += [span.start - at, span.name]
        at = span.stop
    segments.append(source.file.size - at)
    digest = source.file.hash_range(0, source.file.size).hex()
    return PackedFile(source.name, source.file.size, digest, tuple(s for s in segments if s != 0))
