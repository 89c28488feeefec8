"""Search for lists of numbers in literal bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunepack.coding.number_lists import read_varint
from prunepack.errors import CorruptArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.coding.dtypes import Array

__all__ = ["FoundList", "find_lists"]

MIN_ITEMS = 64
"""A shorter list costs more in the header than its codec saves."""

MAX_TEXT_BYTES = 64
"""Longer texts are not labels."""

MAX_LABELS = 256


def _tags(wire: int) -> bytes:
    """Return the tags of one byte with this wire type, as the inside of a character class."""
    return b"".join(re.escape(bytes([tag])) for tag in range(8 | wire, 128, 8))


NUMBERS = re.compile(
    rb"(?s)(?P<varint>(?P<v>[%b])[\x80-\xff]{0,9}[\x00-\x7f](?:(?P=v)[\x80-\xff]{0,9}[\x00-\x7f]){%d,})"
    rb"|(?P<float32>(?P<f>[%b]).{4}(?:(?P=f).{4}){%d,})"
    rb"|(?P<float64>(?P<d>[%b]).{8}(?:(?P=d).{8}){%d,})"
    % (_tags(0), MIN_ITEMS - 1, _tags(5), MIN_ITEMS - 1, _tags(1), MIN_ITEMS - 1)
)
"""Many fields of numbers with one tag."""

LABELS = re.compile(rb"[%b]" % _tags(2))


class FoundList(NamedTuple):
    """A list in literal bytes.

    Attributes:
        start: Offset of its first byte.
        stop: Offset after its last byte.
        pattern: The bytes that stand for it in the text.
        form: A key of :data:`~prunepack.coding.number_lists.FORMS`.
        items: Its items (1-D).
    """

    start: int
    stop: int
    pattern: bytes
    form: str
    items: Array


def find_lists(data: bytes) -> list[FoundList]:
    """Return the lists in ``data``, in order; they do not overlap."""
    found: list[FoundList] = []
    at = 0
    for numbers in _find_numbers(data):
        found += [*_find_labels(data, at, numbers.start), numbers]
        at = numbers.stop
    return [*found, *_find_labels(data, at, len(data))]


def _find_numbers(data: bytes) -> Iterator[FoundList]:
    for match in NUMBERS.finditer(data):
        kind = str(match.lastgroup)
        start, stop = match.span(kind)
        table = np.frombuffer(data, np.uint8, stop - start, start)
        if kind == "varint":
            items = _parse_varints(table)
            if items is None:
                continue
            form = "varint"
        else:
            size = 1 + np.dtype(kind).itemsize
            items = np.ascontiguousarray(table.reshape(-1, size)[:, 1:]).view(
                f"<{kind[0]}{size - 1}"
            )
            items, form = items.ravel(), "fixed"
        yield FoundList(start, stop, data[start : start + 1], form, items)


def _parse_varints(table: Array) -> Array | None:
    """Return the integers of fields with tags of one byte, in the narrowest type.

    Return None if an integer does not fit into 64 bits, or has more digits than necessary.
    """
    ends = np.flatnonzero(table < 0x80)[1::2]  # after a tag, which is below 0x80 too
    starts = np.concatenate([[0], ends[:-1] + 1]) + 1
    digits = ends - starts + 1
    items = np.zeros(ends.size, np.uint64)
    for place in range(int(digits.max())):
        has = digits > place
        part = table[starts[has] + place].astype(np.uint64) & np.uint64(0x7F)
        items[has] |= part << np.uint64(7 * place)
    last = table[ends]
    if ((digits > 1) & (last == 0)).any() or ((digits == 10) & (last > 1)).any():
        return None
    return items.astype(np.min_scalar_type(int(items.max())))


def _find_labels(data: bytes, start: int, stop: int) -> Iterator[FoundList]:
    """Yield lists of short texts with one tag and only a few different contents."""
    while match := LABELS.search(data, start, stop):
        fields, end = _read_fields(data, match.start(), stop)
        labels = {field: index for index, field in enumerate(dict.fromkeys(fields))}
        if len(fields) >= MIN_ITEMS and len(labels) <= min(MAX_LABELS, len(fields) // 4):
            items = np.array([labels[field] for field in fields], np.uint8)
            yield FoundList(match.start(), end, b"".join(labels), "fields", items)
        start = end if len(fields) >= MIN_ITEMS else match.end()


def _read_fields(data: bytes, at: int, stop: int) -> tuple[list[bytes], int]:
    """Return fields of short texts with the tag at ``at``, and the place after them."""
    tag, fields, view = data[at], [], memoryview(data)[:stop]
    while at < stop and data[at] == tag:
        try:
            size, start = read_varint(view, at + 1)
        except CorruptArtifactError:
            break
        if size > MAX_TEXT_BYTES or start + size > stop:
            break
        fields.append(data[at : start + size])
        at = start + size
    return fields, at
