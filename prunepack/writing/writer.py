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

from functools import partial
from itertools import count, pairwise
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.geometry import Shapes
from prunepack.coding.levels import list_levels
from prunepack.coding.near_zeros import NearZeros, count_near_zeros, sum_near_zeros
from prunepack.format.container import write_container
from prunepack.format.header import Header, Literals, PackedFile, Pool, Tensor
from prunepack.format.header_schema import Sha256
from prunepack.io.parallel import run_in_order
from prunepack.writing.drafts import Draft, Scratch
from prunepack.writing.encoder import encode_chunk
from prunepack.writing.literals import encode_literal
from prunepack.writing.pools import CHUNK_ITEMS, make_pools, rechunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedRandom
    from pathlib import Path

    from prunepack.coding.dtypes import Array
    from prunepack.coding.levels import Level
    from prunepack.format.header import Chunk, Copy, LiteralChunk
    from prunepack.model_files.discovery import Source
    from prunepack.model_files.spans import TensorSpan
    from prunepack.writing.drafts import Alternatives
    from prunepack.writing.encoder import EncodedChunk
    from prunepack.writing.literals import EncodedLiteral

__all__ = ["write_artifact"]

LITERAL_CHUNK = 4 * 1024**2


def write_artifact(
    target: BufferedRandom,
    sources: Sequence[Source],
    scratch: Path,
    level: Level,
    threads: int,
    add_progress: Callable[[int], None],
) -> NearZeros:
    """Write ``sources`` as one artifact; the same sources always give the same bytes.

    Every chunk is encoded at ``level`` and at all lower levels, and the level whose whole artifact
    is the smallest is written. So a higher level never makes a larger artifact.

    Args:
        target: An empty file, open for reading and writing.
        sources: The files; the first is the model.
        scratch: Folder for the payload, whose size must be known before the header is written.
        level: Effort of the encoder.
        threads: Number of threads that encode; it does not change the result.
        add_progress: Called with each number of source bytes that has been encoded.

    Returns:
        The numbers of stored elements that are -0.0, and that are denormal.
    """
    pools, copies = make_pools(sources)
    size = sum(stop - start for source in sources for start, stop in _literal_ranges(source))
    items = sum(span.items for pool in pools for span in pool)
    with TemporaryFile(dir=scratch) as file:
        store = Scratch(file)
        encoder = _Encoder(store, threads, add_progress)
        literals = encoder.store_literals(sources, list_levels(level, size))
        chunks = encoder.store_pools(pools, list_levels(level, items))
        files = tuple(map(_describe_file, sources))
        drafts = [
            _make_draft(files, literals, pools, chunks, tuple(copies), rank)
            for rank in range(len(list_levels(level, min(size, items))))
        ]
        best = min(drafts, key=Draft.measure)
        write_container(target, *best.header.to_bytes(), store.read(best.places))
    return encoder.near_zeros


class _Encoder:
    """Encodes chunks in several threads, and keeps their bytes in a scratch file.

    Attributes:
        near_zeros: The elements so far that are almost zero.
    """

    def __init__(self, store: Scratch, threads: int, add_progress: Callable[[int], None]) -> None:
        self._store = store
        self._threads = threads
        self._add_progress = add_progress
        self.near_zeros = NearZeros()

    def store_literals(
        self, sources: Sequence[Source], levels: Sequence[Level]
    ) -> list[Alternatives[LiteralChunk]]:
        """Store the bytes that belong to no tensor, chunk by chunk."""
        parts = (
            np.frombuffer(block, np.uint8)
            for source in sources
            for start, stop in _literal_ranges(source)
            for block in source.file.iter_blocks(start, stop)
        )
        tasks = (partial(_encode_literal, chunk, levels) for chunk in rechunk(parts, LITERAL_CHUNK))
        stored = []
        for size, encoded in run_in_order(tasks, self._threads):
            stored.append(self._store.add_alternatives(encoded))
            self._add_progress(size)
        return stored

    def store_pools(
        self, pools: Sequence[Sequence[TensorSpan]], levels: Sequence[Level]
    ) -> list[list[Alternatives[Chunk]]]:
        """Store the tensors of all pools, chunk by chunk."""
        chunks = ((index, part) for index, pool in enumerate(pools) for part in _read_chunks(pool))
        names = [pool[0].dtype.name for pool in pools]
        tasks = (partial(_encode_chunk, i, names[i], elements, levels) for i, elements in chunks)
        stored: list[list[Alternatives[Chunk]]] = [[] for _ in pools]
        for index, size, near_zeros, encoded in run_in_order(tasks, self._threads):
            stored[index].append(self._store.add_alternatives(encoded))
            self.near_zeros = sum_near_zeros([self.near_zeros, near_zeros])
            self._add_progress(size)
        return stored


def _encode_literal(chunk: Array, levels: Sequence[Level]) -> tuple[int, list[EncodedLiteral]]:
    return chunk.nbytes, encode_literal(chunk.tobytes(), levels)


def _encode_chunk(
    index: int, dtype: str, elements: ChunkElements, levels: Sequence[Level]
) -> tuple[int, int, NearZeros, list[EncodedChunk]]:
    items = elements.elements
    return index, items.nbytes, count_near_zeros(items, dtype), encode_chunk(elements, levels)


def _make_draft(
    files: tuple[PackedFile, ...],
    literals: Sequence[Alternatives[LiteralChunk]],
    pools: Sequence[Sequence[TensorSpan]],
    chunks: Sequence[Sequence[Alternatives[Chunk]]],
    copies: tuple[Copy, ...],
    rank: int,
) -> Draft:
    """Return the artifact in which every chunk is encoded at the level of this rank."""
    texts = [alternatives.pick(rank) for alternatives in literals]
    chosen = [[alternatives.pick(rank) for alternatives in pool] for pool in chunks]
    header = Header(
        files,
        Literals(LITERAL_CHUNK, tuple(chunk for chunk, _ in texts)),
        tuple(
            _describe_pool(spans, [chunk for chunk, _ in pool])
            for spans, pool in zip(pools, chosen, strict=True)
        ),
        copies,
    )
    places = [place for _, place in texts]
    return Draft(header, (*places, *(place for pool in chosen for _, place in pool)))


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
    digest = Sha256(source.file.hash_range(0, source.file.size).hex())
    return PackedFile(source.name, source.file.size, digest, tuple(s for s in segments if s != 0))
