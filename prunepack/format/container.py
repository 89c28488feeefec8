"""Container of an artifact: prefix, header, payload, trailer."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zlib
from typing import IO, TYPE_CHECKING, NamedTuple

from prunepack.coding.zstd_frames import decompress
from prunepack.errors import CorruptArtifactError, RefusedError, UnsupportedArtifactError
from prunepack.format.header_frame import compress_header, decompress_header
from prunepack.io.foreign_files import HEAD, recognize
from prunepack.io.regular_file import check_open, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedRandom
    from typing import Self

    from prunepack.format.limits import Limits

__all__ = ["MAGIC", "VERSION", "Container", "encode_head", "write_container"]

MAGIC = b"\x89PPK\r\n\x1a\n"
"""Not text, as in PNG: a conversion of line ends or a loss of the eighth bit changes it."""

VERSION = 2
"""The version that is written; version 1 is read too."""

PREFIX = struct.Struct("<8sI")
SIZES = {1: struct.Struct("<II"), 2: struct.Struct("<I")}
"""Fields after the prefix, by version: the stored size of the header, and in version 1 its decoded
size."""

CRC = struct.Struct("<I")
TRAILER_SIZE = hashlib.sha256().digest_size
READ_SIZE = 1024**2


class Head(NamedTuple):
    """The bytes before the header.

    Attributes:
        version: Version of the format.
        size: Number of these bytes.
        stored: Stored size of the header.
        decoded: Its decoded size in version 1, else 1.
        crc32: CRC-32 of the bytes before it and of the stored header.
    """

    version: int
    size: int
    stored: int
    decoded: int
    crc32: int


def write_container(
    target: BufferedRandom, header: bytes, checksums: bytes, payload: Iterable[bytes]
) -> None:
    """Write a complete artifact.

    Args:
        target: An empty file, open for reading and writing.
        header: The header as canonical JSON.
        checksums: Its checksums.
        payload: All stored streams, in header order.
    """
    target.write(encode_head(header, checksums))
    target.writelines(payload)
    target.seek(0)
    target.write(hashlib.file_digest(target, "sha256").digest())


def encode_head(header: bytes, checksums: bytes) -> bytes:
    """Return all bytes before the payload."""
    stored = compress_header(header) + checksums
    prefix = PREFIX.pack(MAGIC, VERSION) + SIZES[VERSION].pack(len(stored))
    return prefix + CRC.pack(zlib.crc32(stored, zlib.crc32(prefix))) + stored


class Container:
    """An artifact that is open for reading.

    The file is opened once, so that all checks and all reads concern the same file. Several threads
    may read from it, and so may processes that were forked later, with which it is shared.

    Attributes:
        version: Version of the format.
        header: The header as canonical JSON.
        checksums: The checksums of the header; empty in version 1, which has them in JSON.
        size: Bytes of the file.
        payload_size: Bytes of the payload.
        digest: The SHA-256 in the trailer.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        """Read and check the prefix and the frame of the header."""
        self._file = file
        self._lock = threading.Lock()
        self.size = os.fstat(file.fileno()).st_size
        head, prefix = self._read_head()
        limits.check("header_bytes", max(head.stored, head.decoded))
        self.version = head.version
        self._start = head.size + head.stored
        self.payload_size = self.size - self._start - TRAILER_SIZE
        if head.stored == 0 or head.decoded == 0 or self.payload_size < 0:
            raise CorruptArtifactError(
                "the header does not fit into the file",
                expected=f"from 1 to {max(self.size - head.size - TRAILER_SIZE, 0)} bytes",
                found=f"{head.stored} bytes for {head.decoded} decoded",
            )
        stored = self._read_at(head.size, head.stored)
        check_crc(stored, head.crc32, zlib.crc32(prefix[: -CRC.size]))
        self._head_hash = hashlib.sha256(prefix + stored)
        if head.version == 1:
            self.header, self.checksums = decompress(stored, head.decoded), b""
        else:
            self.header, self.checksums = decompress_header(stored, limits)
        self.digest = self._read_at(self.size - TRAILER_SIZE, TRAILER_SIZE)

    def _read_head(self) -> tuple[Head, bytes]:
        """Check magic and version, and return the fields before the header, and their bytes."""
        start = self._read_at(0, min(self.size, PREFIX.size + SIZES[1].size + CRC.size))
        if start[: len(MAGIC)] != MAGIC:
            raise _refuse_magic(self._read_at(0, min(self.size, HEAD)))
        version = _parse_version(start)
        size = PREFIX.size + SIZES[version].size + CRC.size
        if len(start) < size:
            raise CorruptArtifactError(
                "the file ends early", expected=f"at least {size} bytes", found=len(start)
            )
        stored, decoded, *_ = *SIZES[version].unpack_from(start, PREFIX.size), 1
        (crc32,) = CRC.unpack_from(start, size - CRC.size)
        return Head(version, size, stored, decoded, crc32), start[:size]

    @classmethod
    def open(cls, path: str, limits: Limits) -> Self:
        """Open ``path``, which must be a regular file or a link to one.

        Raises:
            UsageError: If there is no such file, or it is not a regular file.
            RefusedError: If it is a file of another known format.
            CorruptArtifactError: If it does not begin like an artifact.
            UnsupportedArtifactError: If its format has another version.
            LimitExceededError: If the header is too large.
        """
        file = open_regular(path)
        try:
            return cls(file, limits)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, offset: int, size: int, crc32: int) -> bytes:
        """Check the CRC-32 of ``size`` bytes of the payload from ``offset``, and return them."""
        stored = self._read_at(self._start + offset, size)
        check_crc(stored, crc32)
        return stored

    def check_digest(self) -> None:
        """Compare the SHA-256 of the header, as it was read, and of the payload with the trailer.

        Raises:
            CorruptArtifactError: If they differ.
        """
        digest = self._head_hash.copy()
        end = self._start + self.payload_size
        for at in range(self._start, end, READ_SIZE):
            digest.update(self._read_at(at, min(READ_SIZE, end - at)))
        if digest.digest() != self.digest:
            raise CorruptArtifactError(
                "the SHA-256 of the artifact is not the one in its trailer",
                expected=self.digest.hex(),
                found=digest.hexdigest(),
            )

    def _read_at(self, offset: int, size: int) -> bytes:
        data = self._read_some(offset, size)
        while len(data) < size and (more := self._read_some(offset + len(data), size - len(data))):
            data += more
        if len(data) != size:
            raise CorruptArtifactError(
                f"the file ends early at byte {offset + len(data)}", expected=size, found=len(data)
            )
        return data

    def _read_some(self, offset: int, size: int) -> bytes:
        """Read without the position of the file, which forked processes have in common."""
        check_open(self._file)
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)


def check_crc(stored: bytes, expected: int, start: int = 0) -> None:
    """Compare the CRC-32 (as in zlib and PNG) of ``stored``, continued from ``start``.

    Raises:
        CorruptArtifactError: If it differs.
    """
    found = zlib.crc32(stored, start)
    if found != expected:
        raise CorruptArtifactError(
            "wrong CRC-32 of the stored bytes", expected=f"{expected:#010x}", found=f"{found:#010x}"
        )


def _refuse_magic(first: bytes) -> RefusedError:
    """Return the error for a file that begins with these bytes."""
    expected = f"first bytes {MAGIC.hex()}"
    if foreign := recognize(first):
        return RefusedError(
            "not a prunepack artifact", expected=expected, found=foreign.name, hint=foreign.hint
        )
    as_text = len(first) > PREFIX.size and first[1:4] == MAGIC[1:4]
    return CorruptArtifactError(
        "the file was changed as if it were text" if as_text else "not a prunepack artifact",
        expected=expected,
        found=first[: len(MAGIC)].hex() or "an empty file",
    )


def _parse_version(start: bytes) -> int:
    """Return the version of the format from the bytes after the magic."""
    if len(start) < PREFIX.size:
        raise CorruptArtifactError(
            "the file ends early", expected=f"at least {PREFIX.size} bytes", found=len(start)
        )
    _, version = PREFIX.unpack_from(start)
    if version not in SIZES:
        raise UnsupportedArtifactError(
            "the format of the artifact has another version",
            expected=" or ".join(map(str, SIZES)),
            found=version,
            hint="Install the prunepack that wrote the artifact, or a newer one",
        )
    return int(version)
