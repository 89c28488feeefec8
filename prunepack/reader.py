"""Reading an artifact: whole files, single tensors, and whether all of it is sound."""

from __future__ import annotations

import hashlib
import io
import os
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from prunepack import chunks
from prunepack.container import Container
from prunepack.errors import CorruptArtifactError, UsageError
from prunepack.frames import decompress
from prunepack.header import Header
from prunepack.layout import Layout
from prunepack.limits import Limits
from prunepack.location import inside, inside_file
from prunepack.progress import silent
from prunepack.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self, TypeVar

    from prunepack.dtypes import Array
    from prunepack.header import File
    from prunepack.layout import PlacedStream, TensorInfo
    from prunepack.progress import Progress

    T = TypeVar("T")

__all__ = ["Artifact"]

KEPT_CHUNKS = 4
"""Decoded chunks that are kept, so that small neighbours in a pool are decoded once."""


class Artifact:
    """An artifact that is open for reading, by one thread at a time.

    Its header has been read and validated; nothing of the payload has. Whatever is decoded later
    is checked against its CRC-32, and a whole file against its SHA-256.

    Attributes:
        path: Path it was opened by.
        digest: SHA-256 (hex) of all of its bytes but the last 32, which say the same.
        size: Bytes of the artifact.
        files: The packed files by name; the first is the model.
        tensors: The stored tensors by name.
        layout: Where everything lies.
    """

    def __init__(self, container: Container, path: str, limits: Limits) -> None:
        """Validate the header; :meth:`open` is the way in."""
        header = Header.from_bytes(container.header)
        validate(header, container.payload_size, limits)
        self._container = container
        self.path = path
        self.digest = container.digest.hex()
        self.size = container.size
        self.files: Mapping[str, File] = MappingProxyType({f.name: f for f in header.files})
        self.layout = Layout.of(header)
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(dict(self.layout.tensors))
        self._chunk = lru_cache(KEPT_CHUNKS)(self._decode_chunk)
        self._literal = lru_cache(1)(self._decode_literal)

    @classmethod
    def open(cls, path: str | os.PathLike[str], limits: Limits | None = None) -> Self:
        """Open the artifact at ``path`` and validate its header.

        Raises:
            UsageError: If ``path`` is not a regular file that can be read.
            CorruptArtifactError: If its header contradicts the format or itself.
            UnsupportedArtifactError: If it needs something that this version does not know.
            LimitExceededError: If it asks for more than ``limits`` allow.
        """
        name, limits = os.fspath(path), limits or Limits()
        with inside_file(name):
            container = Container.open(name, limits)
            try:
                return cls(container, name, limits)
            except BaseException:
                container.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_tensor(self, name: str) -> Array:
        """Decode one tensor, and no more chunks than it touches.

        Returns:
            A new array of the tensor's shape; ``bfloat16`` comes as its bits in ``uint16``.

        Raises:
            UsageError: If there is no such tensor.
            CorruptArtifactError: If its streams are damaged.
        """
        tensor = _pick(self.tensors, name, "tensor", self.path)
        pool = self.layout.pools[tensor.pool]
        out = np.zeros(tensor.elements, pool.dtype.carrier)
        with inside_file(self.path):
            for index, first, last, at in self.cuts(tensor):
                part = out[at : at + last - first]
                if part.size == pool.chunks[index].count:
                    self._fill_chunk(tensor.pool, index, part)
                else:
                    part[:] = self._chunk(tensor.pool, index)[first:last]
        return out.view(pool.dtype.array).reshape(tensor.shape)

    def iter_tensor(self, name: str) -> Iterator[Array]:
        """Decode one tensor a chunk at a time.

        Yields:
            Its elements as read-only 1-D arrays of the carrier dtype, at most a chunk each.

        Raises:
            UsageError: If there is no such tensor.
            CorruptArtifactError: If its streams are damaged.
        """
        tensor = _pick(self.tensors, name, "tensor", self.path)
        with inside_file(self.path):
            for index, first, last, _ in self.cuts(tensor):
                yield self._chunk(tensor.pool, index)[first:last]

    def cuts(self, tensor: TensorInfo) -> Iterator[tuple[int, int, int, int]]:
        """Cut a tensor where chunks end.

        Yields:
            Index of the chunk, first element and stop in the chunk, first element in the tensor.
        """
        size, stop = self.layout.pools[tensor.pool].chunk, tensor.start + tensor.elements
        inner = range((tensor.start // size + 1) * size, stop, size)
        for first, last in pairwise([tensor.start, *inner, stop]):
            if first < last:
                at = first // size * size
                yield first // size, first - at, last - at, first - tensor.start

    def iter_file(self, name: str) -> Iterator[memoryview]:
        """Decode a packed file piece by piece, holding a few chunks at most.

        Its SHA-256 is compared after the last piece: until the iterator ends without an error,
        what came out of it is not to be trusted.

        Yields:
            Its bytes, in order, in pieces of at most a chunk.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its streams are damaged or it has another SHA-256.
        """
        file = _pick(self.files, name, "file", self.path)
        digest = hashlib.sha256()
        for piece in self._pieces(file):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != file.sha256:
            with inside_file(self.path), inside(f"file {name!r}"):
                raise CorruptArtifactError(
                    "wrong SHA-256", expected=file.sha256, found=digest.hexdigest()
                )

    def read_file(self, name: str) -> bytes:
        """Decode a packed file; it is returned only if its SHA-256 is right.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its streams are damaged or it has another SHA-256.
        """
        buffer = io.BytesIO()
        for piece in self.iter_file(name):
            buffer.write(piece)
        return buffer.getvalue()

    def check_digest(self) -> None:
        """Compare the SHA-256 of the stored bytes with :attr:`digest`, decoding nothing.

        Raises:
            CorruptArtifactError: If they differ.
        """
        with inside_file(self.path):
            self._container.check_digest()

    def verify(self, progress: Progress = silent) -> None:
        """Check every checksum there is: the artifact's, each stream's and each file's.

        Raises:
            CorruptArtifactError: If one of them is wrong.
        """
        self.check_digest()
        done, total = 0, sum(file.size for file in self.files.values())
        for name in self.files:
            for piece in self.iter_file(name):
                done += piece.nbytes
                progress(done, total)

    def _pieces(self, file: File) -> Iterator[memoryview]:
        at = self.layout.literal_starts[file.name]
        for segment in file.segments:
            if isinstance(segment, str):
                for part in self.iter_tensor(segment):
                    yield part.data.cast("B")
            else:
                yield from self._literal_pieces(at, at + segment)
                at += segment

    def _literal_pieces(self, start: int, stop: int) -> Iterator[memoryview]:
        size = self.layout.literals[0].spec.count
        for index in range(start // size, -(-stop // size)):
            first = index * size
            with inside_file(self.path):
                chunk = memoryview(self._literal(index))
            yield chunk[max(start - first, 0) : stop - first]

    def _decode_literal(self, index: int) -> bytes:
        stream = self.layout.literals[index]
        with inside(f"literal chunk {index}"):
            return decompress(self._read(stream), stream.spec.nbytes)

    def _decode_chunk(self, pool: int, index: int) -> Array:
        placed = self.layout.pools[pool]
        out = np.zeros(placed.chunks[index].count, placed.dtype.carrier)
        self._fill_chunk(pool, index, out)
        out.flags.writeable = False
        return out

    def _fill_chunk(self, pool: int, index: int, out: Array) -> None:
        placed = self.layout.pools[pool]
        with inside(f"{placed.label}, chunk {index}"):
            chunks.decode(placed.chunks[index], out, self._read)

    def _read(self, stream: PlacedStream) -> bytes:
        return self._container.read(stream.offset, stream.size, stream.crc32)


def _pick(entries: Mapping[str, T], name: str, what: str, path: str) -> T:
    if name not in entries:
        raise UsageError(
            f"no {what} {name!r} in {path}",
            expected=f"one of {', '.join(list(entries)[:10]) or 'none'}",
            do="See prunepack inspect for all of them",
        )
    return entries[name]
