"""Layout of an artifact: the places of its streams, chunks and tensors, from a valid header."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, NamedTuple

from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES, ArraySpec, DType
from prunepack.coding.geometry import Shapes
from prunepack.errors import quote
from prunepack.format.header import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.format.header import Header, LiteralChunk, NumberList, PackedFile, Pool, Stream

__all__ = [
    "ChunkSlice",
    "Layout",
    "PlacedChunk",
    "PlacedLiteral",
    "PlacedPool",
    "PlacedStream",
    "TensorInfo",
]


class TensorInfo(NamedTuple):
    """A stored tensor.

    Attributes:
        name: Name of the tensor.
        dtype: Name of its element type.
        shape: Its dimensions; none for a scalar.
        pool: Index of the pool of its items.
        start: Index of its first item in that pool.
        is_copy: Whether its elements are stored under another name.
        axes: Order of the dimensions of the stored tensor, if the copy is that tensor transposed;
            otherwise empty.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    pool: int
    start: int
    is_copy: bool = False
    axes: tuple[int, ...] = ()

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The dimensions in the order of the stored elements."""
        sizes = dict(zip(self.axes, self.shape, strict=False))
        return tuple(sizes[axis] for axis in range(len(sizes))) or self.shape

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def items(self) -> int:
        """Number of items of the carrier type: elements, or bytes that elements share."""
        return DTYPES[self.dtype].items(self.elements)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor in its file."""
        return DTYPES[self.dtype].nbytes(self.elements)


class PlacedStream(NamedTuple):
    """A stored stream and its decoded form; ``offset`` counts from the start of the payload."""

    coder: str
    spec: ArraySpec
    offset: int
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk of a pool."""

    codec: str
    count: int
    streams: Mapping[str, PlacedStream]

    @property
    def stored(self) -> int:
        """Stored bytes."""
        return sum(stream.size for stream in self.streams.values())


class PlacedList(NamedTuple):
    """A list of a literal chunk, as in the header."""

    skip: int
    form: str
    dtype: DType
    chunk: PlacedChunk


class PlacedLiteral(NamedTuple):
    """A chunk of the literal stream, of ``size`` decoded bytes."""

    size: int
    lists: tuple[PlacedList, ...]
    text: PlacedStream

    @property
    def stored(self) -> int:
        """Stored bytes."""
        return self.text.size + sum(numbers.chunk.stored for numbers in self.lists)


class PlacedPool(NamedTuple):
    """A pool; ``label`` names it in messages."""

    label: str
    dtype: DType
    chunk: int
    shapes: Shapes
    chunks: tuple[PlacedChunk, ...]


class ChunkSlice(NamedTuple):
    """Items ``first`` to ``stop`` of a chunk of a pool, or of the literal stream without a pool."""

    pool: int | None
    chunk: int
    first: int
    stop: int


class Layout(NamedTuple):
    """Places of all parts of an artifact.

    Attributes:
        literals: Chunks of the literal stream.
        literal_starts: Offset of the literal bytes of each file in that stream.
        pools: The pools, in order.
        tensors: The tensors by name, copies included.
    """

    literals: tuple[PlacedLiteral, ...]
    literal_starts: Mapping[str, int]
    pools: tuple[PlacedPool, ...]
    tensors: Mapping[str, TensorInfo]

    @classmethod
    def from_header(cls, header: Header) -> Layout:
        """Return the layout for a valid header."""
        starts, total = {}, 0
        for file in header.files:
            starts[file.name] = total
            total += sum(s for s in file.segments if isinstance(s, int))
        cursor = _Cursor()
        literals = tuple(
            cursor.place_literal(chunk, min(header.literals.chunk, total - at))
            for chunk, at in zip(header.literals.chunks, count(0, header.literals.chunk))
        )
        pools = tuple(_place_pool(i, pool, cursor) for i, pool in enumerate(header.pools))
        return cls(literals, starts, pools, {t.name: t for t in _locate_tensors(header)})

    def slice_tensor(self, tensor: TensorInfo) -> Iterator[ChunkSlice]:
        """Yield the slices of chunks that a tensor consists of, in the order of storage."""
        size, stop = self.pools[tensor.pool].chunk, tensor.start + tensor.items
        inner = range((tensor.start // size + 1) * size, stop, size)
        for first, last in pairwise([tensor.start, *inner, stop]):
            if first < last:
                at = first // size * size
                yield ChunkSlice(tensor.pool, first // size, first - at, last - at)

    def slice_file(self, file: PackedFile) -> Iterator[ChunkSlice | TensorInfo]:
        """Yield the parts of a packed file in order: slices of chunks, and transposed copies."""
        at = self.literal_starts[file.name]
        for segment in file.segments:
            if isinstance(segment, str):
                tensor = self.tensors[segment]
                yield from [tensor] if tensor.axes else self.slice_tensor(tensor)
            else:
                yield from self._slice_literals(at, at + segment)
                at += segment

    def _slice_literals(self, start: int, stop: int) -> Iterator[ChunkSlice]:
        size = self.literals[0].size
        for index in range(start // size, -(-stop // size)):
            begin = index * size
            yield ChunkSlice(None, index, max(start - begin, 0), min(stop - begin, size))


class _Cursor:
    """Places streams in the payload, from its start to its end."""

    def __init__(self) -> None:
        self._offset = 0

    def _take(self, size: int) -> int:
        self._offset += size
        return self._offset - size

    def place_literal(self, chunk: LiteralChunk, size: int) -> PlacedLiteral:
        lists = tuple(map(self._place_list, chunk.lists))
        return PlacedLiteral(size, lists, self.place_stream(chunk.text))

    def _place_list(self, numbers: NumberList) -> PlacedList:
        chunk = self.place_chunk(Chunk(numbers.codec, numbers.streams), numbers.count)
        return PlacedList(numbers.skip, numbers.form, DTYPES[numbers.dtype], chunk)

    def place_stream(self, stream: Stream) -> PlacedStream:
        spec = ArraySpec(STREAM_DTYPES[stream.dtype], stream.count)
        offset = self._take(stream.size)
        return PlacedStream(stream.coder, spec, offset, stream.size, stream.crc32)

    def place_chunk(self, chunk: Chunk, items: int) -> PlacedChunk:
        streams = {name: self.place_stream(s) for name, s in sorted(chunk.streams.items())}
        return PlacedChunk(chunk.codec, items, streams)


def _place_pool(index: int, pool: Pool, cursor: _Cursor) -> PlacedPool:
    label = f"tensor {quote(pool.tensors[0].name)}" if len(pool.tensors) == 1 else f"pool {index}"
    dtype = DTYPES[pool.dtype]
    items = sum(dtype.items(tensor.elements) for tensor in pool.tensors)
    chunks = tuple(
        cursor.place_chunk(chunk, min(pool.chunk, items - at))
        for chunk, at in zip(pool.chunks, count(0, pool.chunk))
    )
    shapes = Shapes([tensor.shape for tensor in pool.tensors], dtype)
    return PlacedPool(label, dtype, pool.chunk, shapes, chunks)


def _locate_tensors(header: Header) -> Iterator[TensorInfo]:
    stored: dict[str, TensorInfo] = {}
    for index, pool in enumerate(header.pools):
        start = 0
        for tensor in pool.tensors:
            info = TensorInfo(tensor.name, pool.dtype, tensor.shape, index, start)
            stored[tensor.name] = info
            start += info.items
            yield info
    for copy in header.copies:
        of = stored[copy.of]
        yield TensorInfo(
            copy.name, of.dtype, copy.shape, of.pool, of.start, is_copy=True, axes=copy.axes
        )
