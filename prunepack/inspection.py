"""What an artifact holds, tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.dtypes import bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.layout import TensorInfo
    from prunepack.reader import Artifact

__all__ = ["TensorRow", "describe_tensors"]


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One tensor and what became of it.

    Attributes:
        name: Name of the tensor.
        dtype: Name of its element type.
        shape: Its dimensions.
        elements: Number of elements.
        codecs: Ids of the codecs of its chunks, each once, in order.
        stored_bytes: Its share of the payload, rounded: each chunk counts by how many of the
            chunk's elements belong to the tensor. A copy has no share.
        zero_fraction: Share of elements whose bits are all zero; 0 if there are no elements.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    codecs: tuple[str, ...]
    stored_bytes: int
    zero_fraction: float


def describe_tensors(artifact: Artifact) -> Iterator[TensorRow]:
    """Yield a row per tensor, in the order of the header; every tensor is decoded.

    Raises:
        CorruptArtifactError: If a stream is damaged.
    """
    for tensor in artifact.tensors.values():
        codecs, stored = _coding(artifact, tensor)
        parts = artifact.iter_tensor(tensor.name)
        nonzero = sum(int(np.count_nonzero(bits(part))) for part in parts)
        zeros = (tensor.elements - nonzero) / max(tensor.elements, 1)
        yield TensorRow(
            tensor.name, tensor.dtype, tensor.shape, tensor.elements, codecs, stored, zeros
        )


def _coding(artifact: Artifact, tensor: TensorInfo) -> tuple[tuple[str, ...], int]:
    """Return the codecs of a tensor and its share of the payload."""
    chunks = artifact.layout.pools[tensor.pool].chunks
    parts = [(chunks[index], last - first) for index, first, last, _ in artifact.cuts(tensor)]
    codecs = dict.fromkeys(chunk.codec for chunk, _ in parts)
    stored = sum(chunk.stored * count / chunk.count for chunk, count in parts)
    return tuple(codecs), 0 if tensor.is_copy else round(stored)
