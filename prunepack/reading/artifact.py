"""Reading an artifact: whole files, single tensors, and whether all of it is sound."""

from __future__ import annotations

import hashlib
import io
import os
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from prunepack.errors import CorruptArtifactError, UsageError, inside, inside_artifact
from prunepack.format.container import Container
from prunepack.format.header import Header
from prunepack.format.layout import Layout
from prunepack.format.limits import Limits
from prunepack.format.validation import validate
from prunepack.io.parallel import count_threads
from prunepack.io.progress import ignore_progress
from prunepack.reading.decoder import Decoder, Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self, TypeVar

    from prunepack.coding.dtypes import Array
    from prunepack.format.header import File
    from prunepack.format.layout import TensorInfo
    from prunepack.io.progress import Progress
    from prunepack.reading.decoder import Key

    T = TypeVar("T")

__all__ = ["Artifact"]


class Artifact:
    """An artifact that is open for reading, by any number of threads.

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
        self._decoder = Decoder(container, self.layout)

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
        with inside_artifact(name):
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

    def read_tensor(self, name: str, *, threads: int | None = None) -> Array:
        """Decode one tensor, and no more chunks than it touches; as :meth:`read_tensors` does."""
        return self.read_tensors([name], threads=threads)[name]

    def read_tensors(
        self, names: Iterable[str] | None = None, *, threads: int | None = None
    ) -> dict[str, Array]:
        """Decode tensors straight into one new buffer, which the returned arrays share.

        Args:
            names: Which of them; all if none are named.
            threads: How many threads decode, if not one per core.

        Returns:
            An array of the tensor's shape by name. Types that numpy lacks come as their bits:
            ``bfloat16`` in ``uint16``, 8-bit floats in ``uint8``, narrower ones in a byte each.

        Raises:
            UsageError: If there is no tensor of one of the names.
            CorruptArtifactError: If a stream is damaged.
        """
        wanted = self.tensors if names is None else list(names)
        tensors = [_pick(self.tensors, name, "tensor", self.path) for name in wanted]
        keys = {(t.pool, index) for t in tensors for index, *_ in self.cuts(t)}
        with inside_artifact(self.path):
            buffer, places = self._decoder.chunks_together(sorted(keys), threads)
        return {tensor.name: self._view(tensor, places, buffer) for tensor in tensors}

    def _view(self, tensor: TensorInfo, places: Mapping[Key, int], buffer: Array) -> Array:
        """Return the part of the buffer that a tensor has come to be in."""
        pool = self.layout.pools[tensor.pool]
        index, first = divmod(tensor.start, pool.chunk)
        at = places.get((tensor.pool, index), 0) + first * pool.dtype.itemsize
        items = buffer[at : at + tensor.nbytes] if tensor.items else buffer[:0]
        return pool.dtype.handed_out(items.view(pool.dtype.carrier), tensor.shape)

    def iter_tensor(self, name: str) -> Iterator[Array]:
        """Decode one tensor a chunk at a time.

        Yields:
            Its items as read-only 1-D arrays of the carrier dtype, at most a chunk each.

        Raises:
            UsageError: If there is no such tensor.
            CorruptArtifactError: If its streams are damaged.
        """
        tensor = _pick(self.tensors, name, "tensor", self.path)
        with inside_artifact(self.path):
            for index, first, last, _ in self.cuts(tensor):
                yield self._decoder.chunk(tensor.pool, index)[first:last]

    def cuts(self, tensor: TensorInfo) -> Iterator[tuple[int, int, int, int]]:
        """Cut a tensor where chunks end.

        Yields:
            Index of the chunk, first item and stop in the chunk, first item in the tensor.
        """
        size, stop = self.layout.pools[tensor.pool].chunk, tensor.start + tensor.items
        inner = range((tensor.start // size + 1) * size, stop, size)
        for first, last in pairwise([tensor.start, *inner, stop]):
            if first < last:
                at = first // size * size
                yield first // size, first - at, last - at, first - tensor.start

    def iter_file(self, name: str, *, threads: int | None = None) -> Iterator[memoryview]:
        """Decode a packed file piece by piece, holding a few chunks at most.

        Its SHA-256 is compared after the last piece: until the iterator ends without an error,
        what came out of it is not to be trusted.

        Args:
            name: Which file.
            threads: How many threads decode ahead, if not one per core.

        Yields:
            Its bytes, in order, in pieces of at most a chunk.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its streams are damaged or it has another SHA-256.
        """
        file = _pick(self.files, name, "file", self.path)
        digest = hashlib.sha256()
        with inside_artifact(self.path):
            for piece in self._decoder.pieces(
                self._pieces(file), count_threads(threads, file.size)
            ):
                digest.update(piece)
                yield piece
            if digest.hexdigest() != file.sha256:
                with inside(f"file {name!r}"):
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

    def read_literals(self, name: str) -> bytes:
        """Decode those bytes of a packed file that belong to no tensor, end to end.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its literal chunks are damaged.
        """
        file = _pick(self.files, name, "file", self.path)
        literal = (piece for piece in self._pieces(file) if piece.pool is None)
        with inside_artifact(self.path):
            return b"".join(self._decoder.pieces(literal, 1))

    def check_digest(self) -> None:
        """Compare the SHA-256 of the stored bytes with :attr:`digest`, decoding nothing.

        Raises:
            CorruptArtifactError: If they differ.
        """
        with inside_artifact(self.path):
            self._container.check_digest()

    def verify(self, progress: Progress = ignore_progress) -> None:
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

    def _pieces(self, file: File) -> Iterator[Piece]:
        """Yield what a file is made of."""
        at = self.layout.literal_starts[file.name]
        for segment in file.segments:
            if isinstance(segment, str):
                tensor = self.tensors[segment]
                for index, first, stop, _ in self.cuts(tensor):
                    yield Piece(tensor.pool, index, first, stop)
            else:
                yield from self._literal_pieces(at, at + segment)
                at += segment

    def _literal_pieces(self, start: int, stop: int) -> Iterator[Piece]:
        size = self.layout.literals[0].spec.count
        for index in range(start // size, -(-stop // size)):
            yield Piece(None, index, max(start - index * size, 0), min(stop - index * size, size))


def _pick(entries: Mapping[str, T], name: str, what: str, path: str) -> T:
    if name not in entries:
        raise UsageError(
            f"no {what} {name!r} in {path}",
            expected=f"one of {', '.join(list(entries)[:10]) or 'none'}",
            hint="See prunepack inspect for all of them",
        )
    return entries[name]
