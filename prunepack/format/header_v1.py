"""The header of version 1, which had its checksums in JSON, and literals of zstd frames only.

As in :mod:`prunepack.format.header`, annotations are evaluated.
"""

from typing import NamedTuple

from prunepack.format.header import (
    Copy,
    Header,
    LiteralChunk,
    Literals,
    PackedFile,
    Pool,
    Stream,
    parse_json,
)
from prunepack.format.header_schema import Crc32, build

__all__ = ["parse_v1"]


class Frame(NamedTuple):
    """One stored zstd frame of literal bytes."""

    size: int
    crc32: Crc32


class LiteralsV1(NamedTuple):
    """The literal stream."""

    chunk: int
    chunks: tuple[Frame, ...]


class CopyV1(NamedTuple):
    """A tensor with the same elements as another, in the same order."""

    name: str
    of: str
    shape: tuple[int, ...]


class HeaderV1(NamedTuple):
    """The whole header."""

    files: tuple[PackedFile, ...]
    literals: LiteralsV1
    pools: tuple[Pool, ...]
    copies: tuple[CopyV1, ...]
    required: tuple[str, ...]


def parse_v1(data: bytes) -> Header:
    """Parse a header of version 1.

    Raises:
        CorruptArtifactError: If ``data`` does not have the form of such a header.
        UnsupportedArtifactError: If the artifact requires an unknown feature.
    """
    header = build(HeaderV1, parse_json(data), "header")
    total = sum(s for file in header.files for s in file.segments if isinstance(s, int))
    literals = Literals(
        header.literals.chunk,
        tuple(
            LiteralChunk((), Stream("zstd", "uint8", count, frame.size, frame.crc32))
            for count, frame in _divide(total, header.literals)
        ),
    )
    copies = tuple(Copy(*copy) for copy in header.copies)
    return Header(header.files, literals, header.pools, copies, header.required)


def _divide(total: int, literals: LiteralsV1) -> list[tuple[int, Frame]]:
    """Return the frames with their decoded sizes; a wrong number of frames is found later."""
    return [
        (max(min(literals.chunk, total - index * literals.chunk), 0), frame)
        for index, frame in enumerate(literals.chunks)
    ]
