"""The header of an artifact: one class per JSON object, one field per key.

Most classes are named tuples, because dataclasses take seven times as long to define. Annotations
are evaluated here, not kept as text, for the same reason: every start of a small model waits for
this module.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from prunepack.errors import UnsupportedArtifactError
from prunepack.format import canonical_json
from prunepack.format.header_schema import build

__all__ = ["Chunk", "Copy", "Frame", "Header", "Literals", "PackedFile", "Pool", "Stream", "Tensor"]

FEATURES: frozenset[str] = frozenset()
"""Names that this version understands in ``required``."""


class PackedFile(NamedTuple):
    """A packed file.

    Attributes:
        name: Relative path with ``/`` between its parts.
        size: Bytes.
        sha256: Digest of its content, 64 lower-case hexadecimal digits.
        segments: Its parts in order: an integer is a number of bytes of the literal stream, a
            string is the name of a tensor.
    """

    name: str
    size: int
    sha256: str
    segments: tuple[int | str, ...]


class Frame(NamedTuple):
    """One stored zstd frame of literal bytes.

    Attributes:
        size: Stored bytes.
        crc32: CRC-32 of the stored bytes.
    """

    size: int
    crc32: int


class Literals(NamedTuple):
    """The literal stream: the literal bytes of all files, in order.

    Attributes:
        chunk: Decoded bytes of each chunk except the last, which may be shorter.
        chunks: The chunks.
    """

    chunk: int
    chunks: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One stored array.

    Attributes:
        coder: Id of the compressor.
        dtype: Type of the decoded array.
        count: Its length.
        size: Stored bytes.
        crc32: CRC-32 of the stored bytes.
    """

    coder: str
    dtype: str
    count: int
    size: int
    crc32: int


class Chunk(NamedTuple):
    """Consecutive items of a pool that are encoded on their own.

    Attributes:
        codec: Id of the codec.
        streams: The codec's arrays, stored in the order of their names.
    """

    codec: str
    streams: Mapping[str, Stream]


class Tensor(NamedTuple):
    """A tensor in a pool.

    Attributes:
        name: Name of the tensor.
        shape: Its dimensions; none for a scalar.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class Pool(NamedTuple):
    """Tensors of one type, end to end, and the chunks that they are divided into.

    All numbers count items of the carrier type: elements, or bytes that elements share.

    Attributes:
        dtype: Type of the elements.
        chunk: Items of each chunk except the last, which may be shorter.
        tensors: The tensors, in order.
        chunks: The chunks, in order; they know no tensor boundaries.
    """

    dtype: str
    chunk: int
    tensors: tuple[Tensor, ...]
    chunks: tuple[Chunk, ...]


class Copy(NamedTuple):
    """A tensor with the same elements as another.

    Attributes:
        name: Name of the copy.
        of: Name of the tensor in a pool.
        shape: Its own dimensions.
    """

    name: str
    of: str
    shape: tuple[int, ...]


class Header(NamedTuple):
    """The whole header.

    Attributes:
        files: The packed files; the first is the model, the others are its external data.
        literals: The bytes that belong to no tensor.
        pools: The stored tensors.
        copies: Tensors that are stored under another name.
        required: Features that a reader must know to read this artifact.
    """

    files: tuple[PackedFile, ...]
    literals: Literals
    pools: tuple[Pool, ...]
    copies: tuple[Copy, ...] = ()
    required: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Write the header as canonical JSON."""
        return canonical_json.dumps(_to_json(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Header":
        """Parse a header; :mod:`prunepack.format.validation` checks its meaning.

        Raises:
            CorruptArtifactError: If ``data`` does not have the form of a header.
            UnsupportedArtifactError: If the artifact requires an unknown feature.
        """
        value = canonical_json.loads(data)
        _check_required(value)
        return build(cls, value, "header")


def _to_json(value: Any) -> Any:
    """Return an instance of these classes as JSON values."""
    if isinstance(value, Stream):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        plain = [_to_json(item) for item in value]
        return dict(zip(fields, plain, strict=True)) if fields else plain
    return value


def _check_required(value: Any) -> None:
    """Check ``required`` before other fields, which a later version may have changed."""
    names = value.get("required") if isinstance(value, dict) else None
    wanted = {str(name) for name in names} if isinstance(names, list) else set()
    if wanted - FEATURES:
        raise UnsupportedArtifactError(
            "the artifact requires features that this version does not have",
            expected=", ".join(sorted(FEATURES)) or "none",
            found=", ".join(sorted(wanted - FEATURES)),
            hint="Install a newer prunepack",
        )
