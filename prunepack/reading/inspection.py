"""What an artifact holds, tensor by tensor, and what its bytes are spent on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.dtypes import DTYPES, bits
from prunepack.coding.narrow_types import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.format.layout import PlacedChunk, TensorInfo
    from prunepack.reading.artifact import Artifact

__all__ = ["PartRow", "TensorRow", "describe_parts", "describe_tensors"]

ONE_PER_NONZERO: Mapping[str, str] = MappingProxyType(
    {"bitmap": "values", "contexts": "rest", "gaps": "values", "groups": "values"}
)
"""The streams of codecs that have one element for each element of the chunk that is no zero."""


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One tensor and what became of it.

    Attributes:
        name: Name of the tensor.
        dtype: Name of its element type.
        shape: Its dimensions.
        elements: Number of elements.
        codecs: Ids of the codecs of its chunks, each once, in order.
        chunks: Number of chunks that it has elements in.
        stored_bytes: Its share of the payload, rounded: each chunk counts by how many of the
            chunk's elements belong to the tensor. A copy has no share.
        zero_fraction: Share of elements whose bits are all zero; 0 if there are no elements, None
            if it is not known without decoding.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    codecs: tuple[str, ...]
    chunks: int
    stored_bytes: int
    zero_fraction: float | None


@dataclass(frozen=True, slots=True)
class PartRow:
    """What a part of the file takes; the parts add up to the whole file.

    Attributes:
        part: Id of a codec, ``literals`` (bytes that are no tensor's) or ``header`` (with the
            trailer).
        chunks: Number of its chunks.
        decoded_bytes: What they decode to; 0 for the header.
        stored_bytes: What they take in the file.
    """

    part: str
    chunks: int
    decoded_bytes: int
    stored_bytes: int


def describe_tensors(artifact: Artifact, *, decode: bool = True) -> Iterator[TensorRow]:
    """Yield a row per tensor, in the order of the header.

    Zeros are counted by what the codec tells; a tensor about which it tells nothing is decoded.

    Args:
        artifact: The artifact.
        decode: Whether tensors may be decoded to count their zeros.

    Raises:
        CorruptArtifactError: If a stream that had to be decoded is damaged.
    """
    for tensor in artifact.tensors.values():
        parts = list(_parts(artifact, tensor))
        codecs = tuple(dict.fromkeys(chunk.codec for chunk, _ in parts))
        stored = sum(chunk.stored * count / chunk.count for chunk, count in parts)
        zeros = _zeros_told(tensor, parts)
        if zeros is None and decode:
            zeros = _zeros_counted(artifact, tensor)
        yield TensorRow(
            tensor.name,
            tensor.dtype,
            tensor.shape,
            tensor.elements,
            codecs,
            len(parts),
            0 if tensor.is_copy else round(stored),
            None if zeros is None else zeros / max(tensor.elements, 1),
        )


def describe_parts(artifact: Artifact) -> list[PartRow]:
    """Return a row per codec that occurs, the largest first, then literals and header."""
    chunks, decoded, stored = Counter[str](), Counter[str](), Counter[str]()
    for pool in artifact.layout.pools:
        for chunk in pool.chunks:
            chunks[chunk.codec] += 1
            decoded[chunk.codec] += chunk.count * pool.dtype.itemsize
            stored[chunk.codec] += chunk.stored
    rows = [PartRow(codec, chunks[codec], decoded[codec], stored[codec]) for codec in chunks]
    rows.sort(key=lambda row: (-row.stored_bytes, row.part))
    literals = artifact.layout.literals
    unpacked = sum(stream.spec.nbytes for stream in literals)
    packed = sum(stream.size for stream in literals)
    rows.append(PartRow("literals", len(literals), unpacked, packed))
    rest = artifact.size - sum(row.stored_bytes for row in rows)
    return [*rows, PartRow("header", 0, 0, rest)]


def _parts(artifact: Artifact, tensor: TensorInfo) -> Iterator[tuple[PlacedChunk, int]]:
    """Yield the chunks of a tensor, and how many items of each are its own."""
    chunks = artifact.layout.pools[tensor.pool].chunks
    for index, first, last, _ in artifact.cuts(tensor):
        yield chunks[index], last - first


def _zeros_told(tensor: TensorInfo, parts: list[tuple[PlacedChunk, int]]) -> int | None:
    """Return how many elements are zero, or None if one of the codecs does not tell."""
    total = 0
    for chunk, count in parts:
        stream = ONE_PER_NONZERO.get(chunk.codec, "")
        if chunk.codec == "zeros":
            total += count
        elif stream in chunk.streams and chunk.count == count:
            total += count - chunk.streams[stream].spec.count
        elif chunk.codec != "constant":
            return None
    return total if DTYPES[tensor.dtype].packed == 1 else None


def _zeros_counted(artifact: Artifact, tensor: TensorInfo) -> int:
    dtype, left, zeros = DTYPES[tensor.dtype], tensor.elements, 0
    for part in artifact.iter_tensor(tensor.name):
        elements = split(part, dtype)[:left]
        zeros += elements.size - int(np.count_nonzero(bits(elements)))
        left -= elements.size
    return zeros
