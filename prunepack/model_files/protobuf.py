"""The protobuf wire format, read and written without message definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

__all__ = [
    "BYTES",
    "VARINT",
    "Field",
    "encode_bytes",
    "encode_varint",
    "fields",
    "read_varints",
    "to_signed",
]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10


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
    """Yield the fields of the message in ``data[start:stop]``.

    The encoding is that of "Protocol Buffers: Encoding". Groups, which ONNX does not use, are
    refused.

    Args:
        data: Bytes that contain the message.
        start: Offset of its first byte.
        stop: Offset after its last byte.
        numbers: Numbers of the fields to yield; by default all fields.

    Raises:
        RefusedError: If the bytes are not a message.
    """
    at = start
    while at < stop:
        tag, content = _read_varint(data, at, stop)
        number, wire = tag >> 3, tag & 7
        value = 0
        if wire == BYTES:
            size, content = _read_varint(data, content, stop)
            end = content + size
        elif wire == VARINT:
            value, end = _read_varint(data, content, stop)
        elif wire in FIXED_SIZES:
            end = content + FIXED_SIZES[wire]
        else:
            raise _refuse(at, f"wire type {wire}")
        if number == 0 or end > stop:
            raise _refuse(at, f"field {number} that ends at byte {end} of {stop}")
        if numbers is None or number in numbers:
            yield Field(number, wire, content, end, value)
        at = end


def read_varints(data: memoryview, field: Field) -> Iterator[int]:
    """Yield the integers of a repeated field, packed or not."""
    at = field.start
    while at < field.stop:
        value, at = _read_varint(data, at, field.stop)
        yield to_signed(value)


def to_signed(value: int) -> int:
    """Return a varint as the two's complement of 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def _read_varint(data: memoryview, at: int, stop: int) -> tuple[int, int]:
    if at < stop and (first := data[at]) < 0x80:  # nearly all of them, and there are many
        return first, at + 1
    value = 0
    for shift in range(min(MAX_VARINT_BYTES, stop - at)):
        byte: int = data[at + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & (2**64 - 1), at + shift + 1
    raise _refuse(at, "a number without an end")


def _refuse(at: int, found: str) -> RefusedError:
    return RefusedError("not a protobuf message", expected=f"a field at byte {at}", found=found)


def encode_bytes(number: int, content: bytes | memoryview) -> bytes:
    """Return the field ``number`` with this content: bytes, a text or a message."""
    return b"".join((_encode_tag(number, BYTES), _encode_integer(len(content)), content))


def encode_varint(number: int, value: int) -> bytes:
    """Return the field ``number`` with this integer, which is not negative."""
    return _encode_tag(number, VARINT) + _encode_integer(value)


def _encode_tag(number: int, wire: int) -> bytes:
    return _encode_integer(number << 3 | wire)


def _encode_integer(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
