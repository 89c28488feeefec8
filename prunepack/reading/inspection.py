"""Contents of an artifact, tensor by tensor, and its size by codec."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from prunepack.arguments import SWITCH, Kind, check_arguments
from prunepack.coding.dtypes import DTYPES, bits
from prunepack.coding.narrow_types import split
from prunepack.coding.near_zeros import NearZeros, count_near_zeros, sum_near_zeros
from prunepack.reading.artifact import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.format.layout import PlacedChunk, TensorInfo

__all__ = ["PartRow", "TensorRow", "describe_parts", "describe_tensors"]

NONZERO_STREAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bitmap": ("values",),
        "contexts": ("rest", "tiny"),
        "gaps": ("values",),
        "groups": ("values",),
    }
)
"""Streams with one element per nonzero element of the chunk together, by codec."""


ARTIFACT = Kind(
    "a prunepack.Artifact",
    lambda value: isinstance(value, Artifact),
    "Open the artifact with prunepack.Artifact.open(path)",
)
"""An open artifact as an argument of a call."""


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One tensor and its stored form.

    Attributes:
        name: Name of the tensor.
        dtype: Name of its element type.
        shape: Its dimensions.
        elements: Number of elements.
        codecs: Ids of the codecs of its chunks, each once, in order.
        chunks: Number of chunks with elements of the tensor.
        stored_bytes: Its part of the payload, rounded: each chunk counts by the fraction of its
            elements that belong to the tensor. A copy has 0.
        zero_fraction: Fraction of elements whose bits are all zero; 0 if there are no elements,
            None if the fraction is unknown without decoding.
        negative_zeros: Number of elements that are -0.0, which are stored as nonzeros; None if the
            tensor was not decoded.
        denormals: Number of elements that are denormal, without those of float16; or None.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    codecs: tuple[str, ...]
    chunks: int
    stored_bytes: int
    zero_fraction: float | None
    negative_zeros: int | None = None
    denormals: int | None = None


@dataclass(frozen=True, slots=True)
class PartRow:
    """Size of one part of the file; the parts add up to the whole file.

    Attributes:
        part: Id of a codec, ``literals`` (bytes that belong to no tensor) or ``header`` (with the
            trailer).
        chunks: Number of its chunks.
        decoded_bytes: Decoded size; 0 for the header.
        stored_bytes: Size in the file.
    """

    part: str
    chunks: int
    decoded_bytes: int
    stored_bytes: int


@check_arguments(artifact=ARTIFACT, decode=SWITCH)
def describe_tensors(artifact: Artifact, *, decode: bool = True) -> Iterator[TensorRow]:
    """Yield a row per tensor, in the order of the header.

    Tensors of floats are decoded, and others whose streams do not reveal the number of zeros.

    Args:
        artifact: The artifact.
        decode: Whether tensors may be decoded to count their zeros, negative zeros and denormals.

    Raises:
        CorruptArtifactError: If a stream that had to be decoded is damaged.
    """
    for tensor in artifact.tensors.values():
        parts = list(_iter_parts(artifact, tensor))
        codecs = tuple(dict.fromkeys(chunk.codec for chunk, _ in parts))
        stored = sum(chunk.stored * count / chunk.count for chunk, count in parts)
        zeros = _infer_zeros(tensor, parts)
        near_zeros: NearZeros | tuple[None, None] = None, None
        if decode:
            zeros, near_zeros = _count_zeros(artifact, tensor, zeros)
        yield TensorRow(
            tensor.name,
            tensor.dtype,
            tensor.shape,
            tensor.elements,
            codecs,
            len(parts),
            0 if tensor.is_copy else round(stored),
            None if zeros is None else zeros / max(tensor.elements, 1),
            *near_zeros,
        )


def describe_parts(artifact: Artifact) -> list[PartRow]:
    """Return a row per codec in use, the largest first, then literals and header."""
    chunks, decoded, stored = Counter[str](), Counter[str](), Counter[str]()
    for pool in artifact.layout.pools:
        for chunk in pool.chunks:
            chunks[chunk.codec] += 1
            decoded[chunk.codec] += chunk.count * pool.dtype.itemsize
            stored[chunk.codec] += chunk.stored
    rows = [PartRow(codec, chunks[codec], decoded[codec], stored[codec]) for codec in chunks]
    rows.sort(key=lambda row: (-row.stored_bytes, row.part))
    literals = artifact.layout.literals
    unpacked = sum(chunk.size for chunk in literals)
    packed = sum(chunk.stored for chunk in literals)
    rows.append(PartRow("literals", len(literals), unpacked, packed))
    rest = artifact.size - sum(row.stored_bytes for row in rows)
    return [*rows, PartRow("header", 0, 0, rest)]


def _iter_parts(artifact: Artifact, tensor: TensorInfo) -> Iterator[tuple[PlacedChunk, int]]:
    """Yield the chunks of a tensor, each with the number of items that belong to the tensor."""
    chunks = artifact.layout.pools[tensor.pool].chunks
    for part in artifact.layout.slice_tensor(tensor):
        yield chunks[part.chunk], part.stop - part.first


def _infer_zeros(tensor: TensorInfo, parts: list[tuple[PlacedChunk, int]]) -> int | None:
    """Return the number of zeros, or None if one of the codecs does not reveal it."""
    total = 0
    for chunk, count in parts:
        names = NONZERO_STREAMS.get(chunk.codec, ())
        nonzero = [chunk.streams[name].spec.count for name in names if name in chunk.streams]
        if chunk.codec == "zeros":
            total += count
        elif nonzero and chunk.count == count:
            total += count - sum(nonzero)
        elif chunk.codec != "constant":
            return None
    return total if DTYPES[tensor.dtype].packed == 1 else None


def _count_zeros(
    artifact: Artifact, tensor: TensorInfo, zeros: int | None
) -> tuple[int, NearZeros]:
    """Count zeros and elements that are almost zero; integers with known zeros stay encoded."""
    dtype, left, counted, near_zeros = DTYPES[tensor.dtype], tensor.elements, 0, NearZeros()
    if zeros is not None and "float" not in dtype.name:
        return zeros, near_zeros
    for part in artifact.iter_tensor(tensor.name):
        elements = split(part, dtype)[:left]
        counted += elements.size - int(np.count_nonzero(bits(elements)))
        near_zeros = sum_near_zeros([near_zeros, count_near_zeros(elements, dtype.name)])
        left -= elements.size
    return counted, near_zeros
