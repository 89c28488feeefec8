"""The protobuf wire format, as far as finding things in it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

__all__ = ["Field", "fields", "signed", "varints"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
LONGEST_VARINT = 10


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Its number in the message's definition.
        wire: Wire type.
        start: Offset of its content, or of the varint's first byte.
        stop: Offset after its content.
        value: The integer of a varint, else 0.
    """

    number: int
    wire: int
    start: int
    stop: int
    value: int


def fields(
    data: memoryview, start: int, stop: int, numbers: Container[int] | None = None
) -> Iterator[Field]:
    """Yield the fields of the message in ``data[start:stop]``; nothing is copied.

    The encoding is the one in "Protocol Buffers: Encoding"; groups, which ONNX does not use, are
    refused.

    Args:
        data: What the message is a part of.
        start: Offset of its first byte.
        stop: Offset after its last byte.
        numbers: The fields that are wanted, if not all of them.

    Raises:
        RefusedError: If the bytes are not a message.
    """
    at = start
    while at < stop:
        tag, content = _varint(data, at, stop)
        number, wire = tag >> 3, tag & 7
        value = 0
        if wire == BYTES:
            size, content = _varint(data, content, stop)
            end = content + size
        elif wire == VARINT:
            value, end = _varint(data, content, stop)
        elif wire in FIXED_SIZES:
            end = content + FIXED_SIZES[wire]
        else:
            raise _malformed(at, f"wire type {wire}")
        if number == 0 or end > stop:
            raise _malformed(at, f"field {number} that ends at byte {end} of {stop}")
        if numbers is None or number in numbers:
            yield Field(number, wire, content, end, value)
        at = end


def varints(data: memoryview, field: Field) -> Iterator[int]:
    """Yield the integers of a repeated field, packed or not."""
    at = field.start
    while at < field.stop:
        value, at = _varint(data, at, field.stop)
        yield signed(value)


def signed(value: int) -> int:
    """Read a varint as the two's complement of 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def _varint(data: memoryview, at: int, stop: int) -> tuple[int, int]:
    if at < stop and (first := data[at]) < 0x80:  # nearly all of them, and there are many
        return first, at + 1
    value = 0
    for shift in range(min(LONGEST_VARINT, stop - at)):
        byte: int = data[at + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & (2**64 - 1), at + shift + 1
    raise _malformed(at, "a number without an end")


def _malformed(at: int, found: str) -> RefusedError:
    return RefusedError("not a protobuf message", expected=f"a field at byte {at}", found=found)
