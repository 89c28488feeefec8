"""Container of an artifact: prefix, header, payload, trailer."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zlib
from typing import IO, TYPE_CHECKING, NamedTuple

from prunepack.coding.zstd_frames import compress, decompress
from prunepack.errors import CorruptArtifactError, RefusedError, UnsupportedArtifactError
from prunepack.io.foreign_files import HEAD, recognize
from prunepack.io.regular_file import open_regular

if TYPE_CHECKING:
    from io import BufferedRandom
    from typing import Self

    from prunepack.format.limits import Limits

__all__ = ["MAGIC", "VERSION", "Container", "write_container"]

MAGIC = b"\x89PPK\r\n\x1a\n"
"""Not text, as in PNG: a conversion of line ends or a loss of the eighth bit changes it."""

VERSION = 1

PREFIX = struct.Struct("<8sIII")
CRC = struct.Struct("<I")
HEAD_SIZE = PREFIX.size + CRC.size
TRAILER_SIZE = hashlib.sha256().digest_size
READ_SIZE = 1024**2


class Head(NamedTuple):
    """The fixed prefix."""

    magic: bytes
    version: int
    stored: int
    decoded: int


def write_container(target: BufferedRandom, header: bytes, payload: IO[bytes]) -> None:
    """Write a complete artifact.

    Args:
        target: An empty file, open for reading and writing.
        header: The header as canonical JSON.
        payload: All stored streams, in header order, from its current position to its end.
    """
    stored = compress(header)
    prefix = PREFIX.pack(MAGIC, VERSION, len(stored), len(header))
    target.write(prefix + CRC.pack(zlib.crc32(stored, zlib.crc32(prefix))) + stored)
    while block := payload.read(READ_SIZE):
        target.write(block)
    target.seek(0)
    target.write(hashlib.file_digest(target, "sha256").digest())


class Container:
    """An artifact that is open for reading.

    The file is opened once, so that all checks and all reads concern the same file. Several threads
    may read from it, and so may processes that were forked later, with which it is shared.

    Attributes:
        header: The header as canonical JSON.
        size: Bytes of the file.
        payload_size: Bytes of the payload.
        digest: The SHA-256 in the trailer.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        """Read and check the prefix and the frame of the header."""
        self._file = file
        self._lock = threading.Lock()
        self.size = os.fstat(file.fileno()).st_size
        prefix = self._read_at(0, min(self.size, HEAD_SIZE))
        if prefix[: len(MAGIC)] != MAGIC:
            raise _refuse_magic(self._read_at(0, min(self.size, HEAD)))
        head = _parse_prefix(prefix)
        limits.check("header_bytes", max(head.stored, head.decoded))
        self._start = HEAD_SIZE + head.stored
        self.payload_size = self.size - self._start - TRAILER_SIZE
        if head.stored == 0 or head.decoded == 0 or self.payload_size < 0:
            raise CorruptArtifactError(
                "the header does not fit into the file",
                expected=f"from 1 to {max(self.size - HEAD_SIZE - TRAILER_SIZE, 0)} bytes",
                found=f"{head.stored} bytes for {head.decoded} decoded",
            )
        stored = self._read_at(HEAD_SIZE, head.stored)
        check_crc(stored, CRC.unpack(prefix[PREFIX.size :])[0], zlib.crc32(prefix[: PREFIX.size]))
        self._head_hash = hashlib.sha256(prefix + stored)
        self.header = decompress(stored, head.decoded)
        self.digest = self._read_at(self.size - TRAILER_SIZE, TRAILER_SIZE)

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
    as_text = len(first) >= HEAD_SIZE and first[1:4] == MAGIC[1:4]
    return CorruptArtifactError(
        "the file was changed as if it were text" if as_text else "not a prunepack artifact",
        expected=expected,
        found=first[: len(MAGIC)].hex() or "an empty file",
    )


def _parse_prefix(prefix: bytes) -> Head:
    """Check the version, then unpack the prefix, which begins with the magic."""
    if len(prefix) < HEAD_SIZE:
        raise CorruptArtifactError(
            "the file ends early", expected=f"at least {HEAD_SIZE} bytes", found=len(prefix)
        )
    head = Head(*PREFIX.unpack_from(prefix))
    if head.version != VERSION:
        raise UnsupportedArtifactError(
            "the format of the artifact has another version",
            expected=VERSION,
            found=head.version,
            hint="Install the prunepack that wrote the artifact, or a newer one",
        )
    return head
