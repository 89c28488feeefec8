"""Reading of an artifact: whole files, single tensors, all checksums."""

from __future__ import annotations

import hashlib
import io
import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from prunepack.arguments import COUNT, NAMES, PATH, check_arguments, make_optional
from prunepack.errors import (
    CorruptArtifactError,
    MissingNameError,
    inside,
    inside_artifact,
    quote,
)
from prunepack.format.container import MAGIC, Container
from prunepack.format.layout import Layout
from prunepack.format.limits import LIMITS, Limits
from prunepack.format.validation import read_header
from prunepack.io.parallel import count_threads
from prunepack.io.progress import PROGRESS, ignore_progress
from prunepack.io.regular_file import open_regular
from prunepack.reading.decoder import Decoder
from prunepack.reading.tensor_mapping import TensorMapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self, TypeVar

    from prunepack.coding.dtypes import Array
    from prunepack.format.header import PackedFile
    from prunepack.format.layout import TensorInfo
    from prunepack.io.progress import Progress

    T = TypeVar("T")

__all__ = ["Artifact", "is_artifact"]


class Artifact(TensorMapping):
    """An artifact that is open for reading, by any number of threads; a mapping of its tensors.

    Its header is read and validated first, and none of its payload. Each stream that is decoded
    later is checked against its CRC-32, and each whole file against its SHA-256.

    Attributes:
        path: Path of the artifact.
        digest: SHA-256 (hex) of all of its bytes except the last 32, which hold it.
        size: Bytes of the artifact.
        files: The packed files by name; the first is the model.
        tensors: The stored tensors by name.
    """

    def __init__(self, container: Container, path: str, limits: Limits) -> None:
        """Validate the header; callers use :meth:`open`."""
        header = read_header(container, limits)
        self._container = container
        self.path = path
        self.digest = container.digest.hex()
        self.size = container.size
        self.files: Mapping[str, PackedFile] = MappingProxyType({f.name: f for f in header.files})
        self.layout, self.limits = Layout.from_header(header), limits  # not for users
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(dict(self.layout.tensors))
        self._decoder = Decoder(container, self.layout)

    @classmethod
    @check_arguments(path=PATH, limits=make_optional(LIMITS))
    def open(cls, path: str | os.PathLike[str], limits: Limits | None = None) -> Self:
        """Open the artifact at ``path`` and validate its header.

        Raises:
            UsageError: If ``path`` is not a regular file that can be read.
            RefusedError: If the file has another known format.
            CorruptArtifactError: If its header contradicts the format or itself.
            UnsupportedArtifactError: If it needs a feature that this version does not have.
            LimitExceededError: If it exceeds ``limits``.
        """
        name, limits = os.fsdecode(path), limits or Limits()
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

    @check_arguments(threads=make_optional(COUNT))
    def read_tensor(self, name: str, *, threads: int | None = None) -> Array:
        """Decode one tensor as :meth:`read_tensors` does, and only the chunks that it needs.

        It may also be an initializer of the model, or a tensor of the checkpoint, that is too small
        to be among :attr:`tensors`.
        """
        if isinstance(name, str) and name not in self.tensors:
            from prunepack.reading.small_tensors import read_small_tensor  # seldom needed

            if (small := read_small_tensor(self, name)) is not None:
                return small
        return self.read_tensors([name], threads=threads)[name]

    @check_arguments(names=make_optional(NAMES), threads=make_optional(COUNT))
    def read_tensors(
        self, names: Iterable[str] | None = None, *, threads: int | None = None
    ) -> dict[str, Array]:
        """Decode tensors into one new buffer, which the returned arrays share.

        Args:
            names: Names of the tensors, by default all.
            threads: Number of threads that decode, by default one per core.

        Returns:
            Arrays by name, each of the tensor's shape. A type that numpy does not have comes as
            bits: ``bfloat16`` in ``uint16``, 8-bit floats in ``uint8``, a narrower type with a
            byte per element.

        Raises:
            UsageError: If there is no tensor of that name.
            CorruptArtifactError: If a stream is damaged.
        """
        names = self.tensors if names is None else list(names)
        return self._decode(
            [_pick(self.tensors, name, "tensor", self.path) for name in names], threads
        )

    def iter_tensor(self, name: str) -> Iterator[Array]:
        """Decode one tensor a chunk at a time, or a transposed copy at once.

        Yields:
            Its items as read-only 1-D arrays of the carrier dtype.

        Raises:
            UsageError: If there is no such tensor.
            CorruptArtifactError: If its streams are damaged.
        """
        tensor = _pick(self.tensors, name, "tensor", self.path)
        with inside_artifact(self.path):
            yield from self._decoder.iter_items(tensor)

    @check_arguments(threads=make_optional(COUNT))
    def iter_file(self, name: str, *, threads: int | None = None) -> Iterator[memoryview]:
        """Decode a packed file piece by piece, with only a few chunks in memory.

        Its SHA-256 is checked after the last piece. Do not trust any piece before the iterator has
        ended without an error.

        Args:
            name: Name of the file.
            threads: Number of threads that decode ahead, by default one per core.

        Yields:
            Its bytes in order, in pieces of at most one chunk.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its streams are damaged or it has another SHA-256.
        """
        file = _pick(self.files, name, "file", self.path)
        digest = hashlib.sha256()
        with inside_artifact(self.path):
            parts = self.layout.slice_file(file)
            workers = count_threads(threads, file.size)
            for piece in self._decoder.decode_parts(parts, workers):
                digest.update(piece)
                yield piece
            if digest.hexdigest() != file.sha256:
                with inside(f"file {quote(name)}"):
                    raise CorruptArtifactError(
                        "wrong SHA-256", expected=file.sha256, found=digest.hexdigest()
                    )

    def read_file(self, name: str) -> bytes:
        """Decode a packed file, check its SHA-256, and return it.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its streams are damaged or it has another SHA-256.
        """
        buffer = io.BytesIO()
        for piece in self.iter_file(name):
            buffer.write(piece)
        return buffer.getvalue()

    def read_literals(self, name: str) -> bytes:
        """Decode the bytes of a packed file that belong to no tensor, end to end.

        Raises:
            UsageError: If there is no such file.
            CorruptArtifactError: If its literal chunks are damaged.
        """
        file = _pick(self.files, name, "file", self.path)
        literals = (part for part in self.layout.slice_file(file) if part.pool is None)
        with inside_artifact(self.path):
            return b"".join(self._decoder.decode_parts(literals, 1))

    def check_digest(self) -> None:
        """Compare the SHA-256 of the stored bytes with :attr:`digest`, without decoding.

        Raises:
            CorruptArtifactError: If they differ.
        """
        with inside_artifact(self.path):
            self._container.check_digest()

    @check_arguments(progress=PROGRESS)
    def verify(self, progress: Progress = ignore_progress) -> None:
        """Check all checksums: of the artifact, of each stream and of each file.

        Raises:
            CorruptArtifactError: If one of them is wrong.
        """
        self.check_digest()
        done, total = 0, sum(file.size for file in self.files.values())
        for name in self.files:
            for piece in self.iter_file(name):
                done += piece.nbytes
                progress(done, total)


def is_artifact(path: str) -> bool:
    """Return whether the file at ``path`` begins like an artifact, or is named like one.

    Raises:
        UsageError: If it is not a regular file that can be read.
    """
    with open_regular(path) as file:
        return file.read(len(MAGIC)) == MAGIC or path.endswith(".prunepack")


def _pick(entries: Mapping[str, T], name: str, kind: str, path: str) -> T:
    if not isinstance(name, str) or name not in entries:
        raise MissingNameError(
            f"no {kind} {quote(name)} in `{path}`",
            expected=f"one of {', '.join(list(entries)[:10]) or 'none'}",
            hint="Run `prunepack inspect` for all names",
        )
    return entries[name]
