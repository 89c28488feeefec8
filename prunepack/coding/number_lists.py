"""Forms of numbers in a protobuf message: bytes on one side, items of a list on the other.

The attributes of an ONNX node are lists in which every number is a field of its own: a tag, then
the number. A decision tree has nothing else. As a list of items, numbers have the codecs of
tensors; as bytes they have none.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.coding.dtypes import Array

__all__ = ["FORMS", "MIN_ITEM_BYTES", "read_varint", "render"]

FORMS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "fixed": frozenset({"float32", "float64"}),
        "varint": frozenset({"uint8", "uint16", "uint32", "uint64"}),
        "fields": frozenset({"uint8"}),
    }
)
"""Types of the items by form.

In the text stands a pattern, from which the list takes the bytes of each item. ``fixed`` and
``varint``: the pattern is a tag of one byte; an item is the tag and its little-endian bytes, or
the tag and its base-128 digits, the lowest first. ``fields``: the pattern is one field of a length
and as many bytes for each value from 0 to the largest item; an item is the field of its value.
"""

MIN_ITEM_BYTES = 2
"""Bytes that every item of a list has at least."""

VARINT_BYTES = 10


def render(form: str, text: memoryview, items: Array, room: int) -> tuple[bytes, int]:
    """Return the bytes of a list, and the size of its pattern.

    Args:
        form: A key of :data:`FORMS`.
        text: The text from the pattern on.
        items: The items (1-D, not empty).
        room: Number of bytes that the list may have.

    Raises:
        CorruptArtifactError: If the text has no such pattern, or the list is larger than ``room``.
    """
    if form == "fields":
        return _render_fields(text, items, room)
    if not text:
        raise CorruptArtifactError("the text ends before the pattern of a list")
    if form == "fixed":
        return _render_fixed(text[0], items, room), 1
    return _render_varints(text[0], items, room), 1


def _check_room(size: int, room: int) -> None:
    if size > room:
        raise CorruptArtifactError(
            "a list is larger than its chunk", expected=f"at most {room} bytes", found=size
        )


def _render_fixed(tag: int, items: Array, room: int) -> bytes:
    _check_room(items.size * (1 + items.itemsize), room)
    table = np.empty((items.size, 1 + items.itemsize), np.uint8)
    table[:, 0] = tag
    table[:, 1:] = items.view(np.uint8).reshape(items.size, items.itemsize)
    return table.tobytes()


def _render_varints(tag: int, items: Array, room: int) -> bytes:
    digits = -(-(8 * items.itemsize) // 7)
    table = np.empty((items.size, 1 + digits), np.uint8)
    table[:, 0] = tag
    for place in range(digits):
        table[:, 1 + place] = items >> items.dtype.type(7 * place) & items.dtype.type(0x7F)
    is_last = np.ones(items.size, bool)
    kept = np.ones(table.shape, bool)
    for place in range(digits - 1, 0, -1):
        is_last &= table[:, 1 + place] == 0
        kept[:, 1 + place] = ~is_last
        table[:, place] |= np.where(is_last, 0, 0x80).astype(np.uint8)
    _check_room(int(np.count_nonzero(kept)), room)
    return table[kept].tobytes()


def _render_fields(text: memoryview, items: Array, room: int) -> tuple[bytes, int]:
    edges = [0]
    for _ in range(int(items.max()) + 1):
        edges.append(_skip_field(text, edges[-1]))
    sizes = np.diff(edges)
    _check_room(int(sizes[items].sum()), room)
    fields = [bytes(text[a:b]) for a, b in pairwise(edges)]
    return b"".join([fields[item] for item in items.tolist()]), edges[-1]


def _skip_field(text: memoryview, at: int) -> int:
    """Return the end of a field of a one-byte tag, a length and as many bytes."""
    size, start = read_varint(text, at + 1)
    if start + size > len(text):
        raise CorruptArtifactError("the text ends before the pattern of a list")
    return start + size


def read_varint(text: memoryview, at: int) -> tuple[int, int]:
    """Return the integer of base-128 digits at ``at``, and the place after it.

    Raises:
        CorruptArtifactError: If it has no end.
    """
    value = 0
    for place, byte in enumerate(text[at : at + VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise CorruptArtifactError("the text ends before the pattern of a list")
