"""Encoding of literal chunks: as a text, or as a text and lists of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import Shapes
from prunepack.format.header import LiteralChunk, NumberList
from prunepack.writing.compression import StoredStream, StreamDraft
from prunepack.writing.encoder import encode_chunk, estimate_cost
from prunepack.writing.list_search import find_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.coding.levels import Level
    from prunepack.writing.encoder import EncodedChunk
    from prunepack.writing.list_search import FoundList

__all__ = ["EncodedLiteral", "encode_literal"]

LIST_OVERHEAD = 24
"""Estimate of the compressed bytes that a list takes in the header beside its streams."""

MAX_LISTED = 0.5
"""Of literal bytes with a greater fraction in lists, no plain text is tried."""


class EncodedLiteral(NamedTuple):
    """The header of a literal chunk, and its stored bytes: the streams of the lists, the text."""

    chunk: LiteralChunk
    data: bytes

    @property
    def cost(self) -> int:
        """Its bytes in the payload, and an estimate of those in the header."""
        streams = [stream for numbers in self.chunk.lists for stream in numbers.streams.values()]
        return LIST_OVERHEAD * len(self.chunk.lists) + estimate_cost([*streams, self.chunk.text])


def encode_literal(data: bytes, levels: Sequence[Level]) -> list[EncodedLiteral]:
    """Encode literal bytes at each of ``levels``, from the lowest to the highest."""
    lists = find_lists(data)
    plain = [] if _is_listed(data, lists) else [_put_together([], [], _compress([data]))]
    if not lists:
        return plain * len(levels)
    pieces = _cut_text(data, lists)
    skips = [len(piece) - len(found.pattern) for piece, found in zip(pieces, lists, strict=False)]
    text = _compress(pieces)
    results: list[EncodedLiteral] = []
    for numbers in zip(
        *(encode_chunk(_to_elements(found), levels) for found in lists), strict=True
    ):
        described = map(_describe_list, skips, lists, numbers)
        draft = _put_together(list(described), numbers, text)
        results.append(min([*(results[-1:] or plain), draft], key=lambda one: one.cost))
    return results


def _is_listed(data: bytes, lists: Sequence[FoundList]) -> bool:
    """Tell whether most of the bytes are in lists, so that a plain text cannot be smaller."""
    return sum(found.stop - found.start for found in lists) > MAX_LISTED * len(data)


def _compress(pieces: Sequence[bytes]) -> StoredStream:
    return StreamDraft(np.frombuffer(b"".join(pieces), np.uint8)).store(thorough=True)


def _to_elements(found: FoundList) -> ChunkElements:
    items = found.items
    return ChunkElements(items, Shapes([(items.size,)], DTYPES[items.dtype.name]))


def _cut_text(data: bytes, lists: Sequence[FoundList]) -> list[bytes]:
    """Return the text in pieces: the bytes before each list with its pattern, and the rest."""
    starts = [0, *(found.stop for found in lists)]
    pieces = [
        data[start : found.start] + found.pattern
        for start, found in zip(starts, lists, strict=False)
    ]
    return [*pieces, data[starts[-1] :]]


def _describe_list(skip: int, found: FoundList, encoded: EncodedChunk) -> NumberList:
    return NumberList(skip, found.form, found.items.dtype.name, found.items.size, *encoded.chunk)


def _put_together(
    described: Sequence[NumberList], numbers: Sequence[EncodedChunk], text: StoredStream
) -> EncodedLiteral:
    stream, data = text
    stored = b"".join([*(encoded.data for encoded in numbers), data])
    return EncodedLiteral(LiteralChunk(tuple(described), stream), stored)
