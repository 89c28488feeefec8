"""The header of an artifact: one class per JSON object, one field per key.

Most classes are named tuples, because dataclasses take seven times as long to define. Annotations
are evaluated here, not kept as text, for the same reason: every start of a small model waits for
this module.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from prunepack.errors import UnsupportedArtifactError
from prunepack.format import canonical_json
from prunepack.format.header_schema import Checksums, Crc32, Sha256, build, dump

__all__ = [
    "Chunk",
    "Copy",
    "Header",
    "LiteralChunk",
    "Literals",
    "NumberList",
    "PackedFile",
    "Pool",
    "Stream",
    "Tensor",
    "parse_json",
]

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
    sha256: Sha256
    segments: tuple[int | str, ...]


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
    crc32: Crc32


class Chunk(NamedTuple):
    """Consecutive items of a pool that are encoded on their own.

    Attributes:
        codec: Id of the codec.
        streams: The codec's arrays, stored in the order of their names.
    """

    codec: str
    streams: Mapping[str, Stream]


@dataclass(frozen=True, slots=True)
class NumberList:
    """Numbers or short texts in a literal chunk that are encoded like the items of a tensor.

    Attributes:
        skip: Bytes of the text between the list before, or the start of the text, and this list.
        form: Way in which the bytes of an item are made: ``fixed``, ``varint`` or ``fields``.
        dtype: Type of the items.
        count: Number of items.
        codec: Id of the codec.
        streams: The codec's arrays, stored in the order of their names.
    """

    skip: int
    form: str
    dtype: str
    count: int
    codec: str
    streams: Mapping[str, Stream]


class LiteralChunk(NamedTuple):
    """Consecutive bytes of the literal stream that are encoded on their own.

    Attributes:
        lists: Lists that are not part of the text, in order.
        text: The other bytes.
    """

    lists: tuple[NumberList, ...]
    text: Stream


class Literals(NamedTuple):
    """The literal stream: the literal bytes of all files, in order.

    Attributes:
        chunk: Decoded bytes of each chunk except the last, which may be shorter.
        chunks: The chunks.
    """

    chunk: int
    chunks: tuple[LiteralChunk, ...]


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
        axes: Without axes, the elements have the same order. Otherwise the copy is the transposed
            tensor, and its dimension ``i`` is the dimension ``axes[i]`` of the tensor.
    """

    name: str
    of: str
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()


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

    def to_bytes(self) -> tuple[bytes, bytes]:
        """Write the header as canonical JSON, and its checksums as bytes."""
        checksums = bytearray()
        text = canonical_json.dumps(dump(self, checksums))
        return text, bytes(checksums)

    @classmethod
    def from_bytes(cls, data: bytes, checksums: bytes) -> "Header":
        """Parse a header; :mod:`prunepack.format.validation` checks its meaning.

        Raises:
            CorruptArtifactError: If ``data`` does not have the form of a header.
            UnsupportedArtifactError: If the artifact requires an unknown feature.
        """
        value = parse_json(data)
        reader = Checksums(checksums)
        header = build(cls, value, "header", reader)
        reader.check_end()
        return header


def parse_json(data: bytes) -> Any:
    """Parse canonical JSON, and check ``required`` before other fields, which may be new.

    Raises:
        CorruptArtifactError: If ``data`` is not canonical JSON.
        UnsupportedArtifactError: If the artifact requires an unknown feature.
    """
    value = canonical_json.loads(data)
    _check_required(value)
    return value


def _check_required(value: Any) -> None:
    names = value.get("required") if isinstance(value, dict) else None
    wanted = {str(name) for name in names} if isinstance(names, list) else set()
    if wanted - FEATURES:
        raise UnsupportedArtifactError(
            "the artifact requires features that this version does not have",
            expected=", ".join(sorted(FEATURES)) or "none",
            found=", ".join(sorted(wanted - FEATURES)),
            hint="Install a newer prunepack",
        )
