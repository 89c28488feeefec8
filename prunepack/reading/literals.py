"""Decoding of literal chunks: texts, and the lists that have their places in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding.codec import ChunkElements
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.geometry import Shapes
from prunepack.coding.number_lists import render
from prunepack.errors import CorruptArtifactError, inside
from prunepack.reading.chunks import decode_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from prunepack.coding.dtypes import Array
    from prunepack.format.layout import PlacedList, PlacedLiteral, PlacedStream

__all__ = ["decode_literal"]


def decode_literal(placed: PlacedLiteral, read: Callable[[PlacedStream], bytes]) -> Array:
    """Return the bytes of a literal chunk (1-D, uint8).

    ``read`` returns the stored bytes of a stream after checking their CRC-32.

    Raises:
        CorruptArtifactError: If the streams do not decode as declared.
    """
    lists = []
    for index, numbers in enumerate(placed.lists):
        with inside(f"list {index}"):
            lists.append(_decode_list(numbers, read))
    with inside("text"):
        text = COMPRESSORS[placed.text.coder].decode(read(placed.text), placed.text.spec)
    if not lists:
        return text
    return _join(placed, text.data, lists)


def _decode_list(numbers: PlacedList, read: Callable[[PlacedStream], bytes]) -> Array:
    items = np.zeros(numbers.chunk.count, numbers.dtype.carrier)
    shapes = Shapes([(items.size,)], numbers.dtype)
    decode_chunk(numbers.chunk, ChunkElements(items, shapes), read)
    return items


def _join(placed: PlacedLiteral, text: memoryview, lists: list[Array]) -> Array:
    """Put the bytes of each list in the place of its pattern."""
    pieces: list[bytes | memoryview] = []
    at, room = 0, placed.size
    for numbers, items in zip(placed.lists, lists, strict=True):
        pieces.append(text[at : at + numbers.skip])
        at += numbers.skip
        content, pattern = render(numbers.form, text[at:], items, room)
        pieces.append(content)
        at += pattern
        room -= numbers.skip + len(content)
    pieces.append(text[at:])
    whole = b"".join(pieces)
    if len(whole) != placed.size:
        raise CorruptArtifactError(
            "text and lists do not fill the literal chunk", expected=placed.size, found=len(whole)
        )
    return np.frombuffer(whole, np.uint8)
