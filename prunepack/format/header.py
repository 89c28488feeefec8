"""What the header says; one class per JSON object, one field per key.

Most are named tuples rather than dataclasses, whose classes take seven times as long to make, and
annotations are evaluated here, not kept as text, for the same reason: it is a part of every start
of a small model.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from prunepack.errors import UnsupportedArtifactError
from prunepack.format import canonical_json
from prunepack.format.header_schema import build

__all__ = ["Chunk", "Copy", "File", "Frame", "Header", "Literals", "Pool", "Stream", "Tensor"]

FEATURES: frozenset[str] = frozenset()
"""Names that this version understands in ``required``."""


class File(NamedTuple):
    """A packed file.

    Attributes:
        name: Relative path with ``/`` between its parts.
        size: Bytes.
        sha256: Digest of its content, 64 lower-case hexadecimal digits.
        segments: What it consists of, in order: an integer is that many bytes of the literal
            stream, a string is the tensor of that name.
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
        chunk: Decoded bytes of every chunk but the last, which may be shorter.
        chunks: The chunks.
    """

    chunk: int
    chunks: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One stored array.

    Attributes:
        coder: Id of the coder.
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
    """A run of elements that is coded on its own.

    Attributes:
        codec: Id of the codec.
        streams: The codec's arrays, stored in the order of their names.
    """

    codec: str
    streams: Mapping[str, Stream]


class Tensor(NamedTuple):
    """A run of elements of a pool.

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
    """Tensors of one type, end to end, and the chunks they are cut into.

    They are counted in items of the type's carrier: elements, or bytes that several share.

    Attributes:
        dtype: Type of the elements.
        chunk: Items of every chunk but the last, which may be shorter.
        tensors: The tensors, in order.
        chunks: The chunks, in order; they know no tensor boundaries.
    """

    dtype: str
    chunk: int
    tensors: tuple[Tensor, ...]
    chunks: tuple[Chunk, ...]


class Copy(NamedTuple):
    """A tensor with the very elements of another.

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

    files: tuple[File, ...]
    literals: Literals
    pools: tuple[Pool, ...]
    copies: tuple[Copy, ...] = ()
    required: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Write the header as canonical JSON."""
        return canonical_json.dumps(_plain(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Header":
        """Read what :meth:`to_bytes` wrote; the meaning is checked elsewhere.

        Raises:
            CorruptArtifactError: If ``data`` does not have the form of a header.
            UnsupportedArtifactError: If the artifact needs a feature that is not known.
        """
        value = canonical_json.loads(data)
        _check_required(value)
        return build(cls, value, "header")


def _plain(value: Any) -> Any:
    """Return a value of these classes as JSON values."""
    if isinstance(value, Stream):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        plain = [_plain(one) for one in value]
        return dict(zip(fields, plain, strict=True)) if fields else plain
    return value


def _check_required(value: Any) -> None:
    """Look at ``required`` before anything else: a later version may have other fields."""
    names = value.get("required") if isinstance(value, dict) else None
    wanted = {str(name) for name in names} if isinstance(names, list) else set()
    if wanted - FEATURES:
        raise UnsupportedArtifactError(
            "the artifact needs features that this version does not have",
            expected=", ".join(sorted(FEATURES)) or "none",
            found=", ".join(sorted(wanted - FEATURES)),
            hint="Install a newer prunepack",
        )
