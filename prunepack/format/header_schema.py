"""Conversion between JSON values and frozen classes, with strict fields and types."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, NewType, TypeVar, get_args, get_origin, get_type_hints

from prunepack.errors import CorruptArtifactError

__all__ = ["Checksums", "Crc32", "Sha256", "build", "dump"]

T = TypeVar("T")

Crc32 = NewType("Crc32", int)
"""CRC-32 of a stored stream, as in zlib and PNG."""

Sha256 = NewType("Sha256", str)
"""SHA-256 of a packed file: 64 lower-case hexadecimal digits."""

CRC = struct.Struct("<I")
SHA_BYTES = 32


class Checksums:
    """Checksums in the order of the header's fields, each drawn once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, kind: object) -> int | str:
        """Return the next checksum, of the type :data:`Crc32` or :data:`Sha256`.

        Raises:
            CorruptArtifactError: If there are too few.
        """
        size = CRC.size if kind is Crc32 else SHA_BYTES
        data = self._data[self._at : self._at + size]
        self._at += size
        if len(data) < size:
            raise CorruptArtifactError(
                "the header has too few checksums",
                expected=f"at least {self._at} bytes",
                found=len(self._data),
            )
        (crc,) = CRC.unpack(data) if kind is Crc32 else (0,)
        return crc if kind is Crc32 else data.hex()

    def check_end(self) -> None:
        """Check that every checksum was drawn.

        Raises:
            CorruptArtifactError: If some are left.
        """
        if self._at != len(self._data):
            raise CorruptArtifactError(
                "the header has too many checksums", expected=self._at, found=len(self._data)
            )


def _encode_checksum(kind: object, value: int | str) -> bytes:
    """Return the stored form of a checksum."""
    return CRC.pack(value) if kind is Crc32 else bytes.fromhex(str(value))


WORDS = {int: "an integer", str: "a string", list: "a list", dict: "an object", bool: "a boolean"}


CHECKSUMS = (Crc32, Sha256)

PLAIN_TYPES = {int: int, str: str, Crc32: int, Sha256: str}
"""Types of fields that are numbers or strings in JSON."""


def build(kind: type[T], value: Any, where: str, checksums: Checksums | None = None) -> T:
    """Return ``value`` as an instance of ``kind``.

    Args:
        kind: A dataclass or named tuple whose fields are ``int``, ``str``, a union of both,
            another such class, ``tuple[X, ...]`` or ``Mapping[str, X]``.
        value: A value from the JSON parser.
        where: Path of ``value`` in the header, for messages.
        checksums: Values of the fields of the types :data:`Crc32` and :data:`Sha256`; without
            them, ``value`` has these fields too.

    Raises:
        CorruptArtifactError: If ``value`` does not have that form.
    """
    made: T = _build(kind, value, where, checksums)
    return made


def dump(value: Any, checksums: bytearray) -> Any:
    """Return an instance of such a class as JSON values.

    Its fields of the types :data:`Crc32` and :data:`Sha256` are appended to ``checksums`` instead.
    """
    if isinstance(value, int | str):
        return value
    if isinstance(value, Mapping):
        return {key: dump(item, checksums) for key, item in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return [dump(item, checksums) for item in value]
    fields = {}
    kind: type = type(value)
    for name, hint in _hints(kind).items():
        if hint in CHECKSUMS:
            checksums += _encode_checksum(hint, getattr(value, name))
        else:
            fields[name] = dump(getattr(value, name), checksums)
    return fields


def _build(kind: Any, value: Any, where: str, checksums: Checksums | None) -> Any:
    if kind in PLAIN_TYPES:
        return _expect(PLAIN_TYPES[kind], value, where)
    if isinstance(kind, UnionType):
        return _expect(get_args(kind), value, where)
    if get_origin(kind) is tuple:
        items = _expect(list, value, where)
        (inner, _) = get_args(kind)
        return tuple(_build(inner, v, f"{where}[{i}]", checksums) for i, v in enumerate(items))
    if get_origin(kind) is Mapping:
        items = _expect(dict, value, where)
        (_, inner) = get_args(kind)
        return {k: _build(inner, v, f"{where}.{k}", checksums) for k, v in items.items()}
    hints = _hints(kind)
    drawn = {k for k, hint in hints.items() if checksums and hint in CHECKSUMS}
    found = _expect(dict, value, where)
    _check_fields(set(hints) - drawn, set(found), where)
    return kind(
        **{
            k: checksums.take(hint)
            if checksums and k in drawn
            else _build(hint, found[k], f"{where}.{k}", checksums)
            for k, hint in hints.items()
        }
    )


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _expect(kind: Any, value: Any, where: str) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if type(value) not in kinds:  # a bool is an int to isinstance
        raise CorruptArtifactError(
            f"wrong type of {where}",
            expected=" or ".join(WORDS[k] for k in kinds),
            found=WORDS.get(type(value), "null"),
        )
    return value


def _check_fields(expected: set[str], found: set[str], where: str) -> None:
    if expected != found:
        raise CorruptArtifactError(
            f"wrong fields of {where}",
            expected=", ".join(sorted(expected)),
            found=", ".join(sorted(found)) or "none",
        )
