"""Validation of chunks and of the literal stream, as the header declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import check_stream
from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES, ArraySpec
from prunepack.coding.number_lists import FORMS, MIN_ITEM_BYTES
from prunepack.errors import CorruptArtifactError, UnsupportedArtifactError, inside

if TYPE_CHECKING:
    from collections.abc import Collection

    from prunepack.format.header import Chunk, LiteralChunk, Literals, NumberList, Stream
    from prunepack.format.limits import Limits

__all__ = ["check_chunk", "check_division", "check_known", "check_literals"]


def check_literals(literals: Literals, total: int, limits: Limits) -> None:
    """Check a literal stream of ``total`` bytes."""
    with inside("literal stream"):
        check_division(total, literals.chunk, len(literals.chunks))
        limits.check("chunk_bytes", min(literals.chunk, total))
    for index, chunk in enumerate(literals.chunks):
        with inside(f"literal chunk {index}"):
            _check_literal(chunk, min(literals.chunk, total - index * literals.chunk), limits)


def _check_literal(chunk: LiteralChunk, size: int, limits: Limits) -> None:
    """Check a chunk of ``size`` literal bytes; the exact size of its lists is known later."""
    with inside("text"):
        _check_stream(chunk.text)
        spec = ArraySpec(STREAM_DTYPES[chunk.text.dtype], chunk.text.count)
        check_stream({"text": spec}, "text", ArraySpec(STREAM_DTYPES["uint8"], size), min_count=1)
    for index, numbers in enumerate(chunk.lists):
        with inside(f"list {index}"):
            _check_list(numbers, size, limits)
    skipped = sum(numbers.skip for numbers in chunk.lists)
    if skipped > chunk.text.count or (not chunk.lists and chunk.text.count != size):
        raise CorruptArtifactError(
            "the text of a literal chunk does not fit",
            expected=f"{size if not chunk.lists else f'at least {skipped}'} bytes",
            found=chunk.text.count,
        )


def _check_list(numbers: NumberList, size: int, limits: Limits) -> None:
    check_known("form of a list", numbers.form, FORMS)
    check_known(f"dtype of a list of the form {numbers.form}", numbers.dtype, FORMS[numbers.form])
    if not 0 < numbers.count * MIN_ITEM_BYTES <= size:
        raise CorruptArtifactError(
            "wrong number of items",
            expected=f"from 1 to {size // MIN_ITEM_BYTES}",
            found=numbers.count,
        )
    dtype = DTYPES[numbers.dtype].carrier
    limits.check("chunk_bytes", numbers.count * dtype.itemsize)
    check_chunk(numbers, ArraySpec(dtype, numbers.count))


def check_chunk(chunk: Chunk | NumberList, whole: ArraySpec) -> None:
    """Check the codec and the streams of a chunk with the elements ``whole``."""
    check_known("codec", chunk.codec, CODECS)
    for name, stream in chunk.streams.items():
        with inside(f"stream {name}"):
            _check_stream(stream)
    streams = {n: ArraySpec(STREAM_DTYPES[s.dtype], s.count) for n, s in chunk.streams.items()}
    CODECS[chunk.codec].check(streams, whole)


def _check_stream(stream: Stream) -> None:
    check_known("compressor", stream.coder, COMPRESSORS)
    check_known("dtype", stream.dtype, STREAM_DTYPES)
    _check_stored(stream)


def _check_stored(stored: Stream) -> None:
    if stored.size < 1 or stored.crc32 >= 2**32:
        raise CorruptArtifactError(
            "wrong size or CRC-32 of stored bytes",
            expected=f"at least 1, and below {2**32}",
            found=f"{stored.size} and {stored.crc32}",
        )


def check_known(kind: str, name: str, names: Collection[str]) -> None:
    """Check that ``name`` is one of ``names``."""
    if name not in names:
        raise UnsupportedArtifactError(
            f"unknown {kind}",
            expected=f"one of {', '.join(sorted(names))}",
            found=repr(name),
            hint="Install a newer prunepack",
        )


def check_division(total: int, size: int, chunks: int) -> None:
    """Check that ``total`` items need so many ``chunks`` of ``size``."""
    if size < 1 or chunks != -(-total // size):
        raise CorruptArtifactError(
            "wrong number of chunks",
            expected=f"{-(-total // size)} of {size} to hold {total}" if size else "chunks of 1",
            found=f"{chunks} of {size}",
        )
