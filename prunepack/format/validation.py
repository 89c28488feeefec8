"""Validation of a header, before any of the payload is read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from prunepack.coding.codecs import CODECS
from prunepack.coding.compressors import COMPRESSORS
from prunepack.coding.dtypes import DTYPES, STREAM_DTYPES, ArraySpec
from prunepack.errors import CorruptArtifactError, UnsupportedArtifactError, inside, quote
from prunepack.format.canonical_json import MAX_INTEGER
from prunepack.format.names import (
    MAX_TENSOR_NAME_BYTES,
    find_collision,
    find_file_name_fault,
    is_tensor_name,
    normalize_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prunepack.format.header import Chunk, Frame, Header, PackedFile, Pool, Stream
    from prunepack.format.limits import Limits

__all__ = ["MAX_DIMENSIONS", "validate"]

MAX_DIMENSIONS = 32
SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)


def validate(header: Header, payload_size: int, limits: Limits) -> None:
    """Check all rules that concern the header alone.

    Raises:
        CorruptArtifactError: If it contradicts itself, the format or the size of the payload.
        UnsupportedArtifactError: If it names an unknown codec, compressor or dtype.
        LimitExceededError: If it exceeds ``limits``.
    """
    limits.check("files", len(header.files))
    limits.check("tensors", len(header.copies) + sum(len(p.tensors) for p in header.pools))
    limits.check("decoded_bytes", sum(file.size for file in header.files))
    _check_file_names(header.files)
    _check_tensor_names(header)
    for index, pool in enumerate(header.pools):
        with inside(f"pool {index}"):
            _check_pool(pool, limits)
    sizes = _tensor_sizes(header)
    _check_places(header, sizes)
    for file in header.files:
        with inside(f"file {quote(file.name)}"):
            _check_file(file, sizes)
    _check_literals(header, limits)
    _check_payload(header, payload_size)


def _check_file_names(files: Sequence[PackedFile]) -> None:
    if not files:
        raise CorruptArtifactError("the artifact holds no file")
    for file in files:
        if fault := find_file_name_fault(file.name):
            raise CorruptArtifactError(f"the file name {quote(file.name)} {fault}")
    if both := find_collision(file.name for file in files):
        raise CorruptArtifactError(f"the file names {quote(both[0])} and {quote(both[1])} collide")


def _iter_tensor_names(header: Header) -> Iterator[str]:
    yield from (tensor.name for pool in header.pools for tensor in pool.tensors)
    yield from (copy.name for copy in header.copies)


def _check_tensor_names(header: Header) -> None:
    seen: dict[str, str] = {}
    for name in _iter_tensor_names(header):
        if not is_tensor_name(name):
            raise CorruptArtifactError(
                "a tensor name is empty or too long",
                expected=f"from 1 to {MAX_TENSOR_NAME_BYTES} bytes",
                found=repr(name[:40]),
            )
        key = normalize_name(name)
        if key in seen:
            raise CorruptArtifactError(
                f"the tensor names {quote(seen[key])} and {quote(name)} are the same"
            )
        seen[key] = name


def _check_shape(name: str, shape: Sequence[int]) -> None:
    if len(shape) > MAX_DIMENSIONS or math.prod(d or 1 for d in shape) > MAX_INTEGER:
        raise CorruptArtifactError(
            f"the shape of tensor {quote(name)} is too large",
            expected=f"at most {MAX_DIMENSIONS} dimensions with a product up to {MAX_INTEGER}",
            found=f"{len(shape)} dimensions {list(shape[:4])}",
        )


def _check_known(kind: str, name: str, names: Mapping[str, object]) -> None:
    if name not in names:
        raise UnsupportedArtifactError(
            f"unknown {kind}",
            expected=f"one of {', '.join(sorted(names))}",
            found=repr(name),
            hint="Install a newer prunepack",
        )


def _check_pool(pool: Pool, limits: Limits) -> None:
    _check_known("dtype", pool.dtype, DTYPES)
    for tensor in pool.tensors:
        _check_shape(tensor.name, tensor.shape)
    dtype = DTYPES[pool.dtype]
    items = sum(dtype.items(tensor.elements) for tensor in pool.tensors)
    limits.check("decoded_bytes", items * dtype.itemsize)
    _check_division(items, pool.chunk, len(pool.chunks))
    limits.check("chunk_bytes", min(pool.chunk, items) * dtype.itemsize)
    for index, chunk in enumerate(pool.chunks):
        count = min(pool.chunk, items - index * pool.chunk)
        with inside(f"chunk {index}"):
            _check_chunk(chunk, ArraySpec(dtype.carrier, count))


def _check_division(total: int, size: int, chunks: int) -> None:
    if size < 1 or chunks != -(-total // size):
        raise CorruptArtifactError(
            "wrong number of chunks",
            expected=f"{-(-total // size)} of {size} to hold {total}" if size else "chunks of 1",
            found=f"{chunks} of {size}",
        )


def _check_chunk(chunk: Chunk, whole: ArraySpec) -> None:
    _check_known("codec", chunk.codec, CODECS)
    for name, stream in chunk.streams.items():
        with inside(f"stream {name}"):
            _check_known("compressor", stream.coder, COMPRESSORS)
            _check_known("dtype", stream.dtype, STREAM_DTYPES)
            _check_stored(stream)
    streams = {n: ArraySpec(STREAM_DTYPES[s.dtype], s.count) for n, s in chunk.streams.items()}
    CODECS[chunk.codec].check(streams, whole)


def _check_stored(stored: Stream | Frame) -> None:
    if stored.size < 1 or stored.crc32 >= 2**32:
        raise CorruptArtifactError(
            "wrong size or CRC-32 of stored bytes",
            expected=f"at least 1, and below {2**32}",
            found=f"{stored.size} and {stored.crc32}",
        )


def _tensor_sizes(header: Header) -> dict[str, int]:
    """Return the bytes of each tensor of checked pools."""
    of = {t.name: (t, DTYPES[pool.dtype]) for pool in header.pools for t in pool.tensors}
    sizes = {name: dtype.nbytes(tensor.elements) for name, (tensor, dtype) in of.items()}
    for copy in header.copies:
        _check_shape(copy.name, copy.shape)
        elements = math.prod(copy.shape)
        if copy.of not in of or of[copy.of][0].elements != elements:
            raise CorruptArtifactError(
                f"tensor {quote(copy.name)} cannot be a copy of {quote(copy.of)}",
                expected=f"a stored tensor of {elements} elements",
                found=of[copy.of][0].elements if copy.of in of else "no such tensor",
            )
        sizes[copy.name] = sizes[copy.of]
    return sizes


def _check_places(header: Header, sizes: dict[str, int]) -> None:
    """Check that each stored tensor has one place, and each copy at most one."""
    placed: set[str] = set()
    for name in (s for file in header.files for s in file.segments if isinstance(s, str)):
        if name not in sizes:
            raise CorruptArtifactError(
                f"a file refers to tensor {quote(name)}, which is not stored"
            )
        if name in placed:
            raise CorruptArtifactError(f"tensor {quote(name)} has two places")
        placed.add(name)
    copies = {copy.name for copy in header.copies}
    if missing := sizes.keys() - placed - copies:
        raise CorruptArtifactError(
            f"tensor {quote(min(missing))} is stored, but has no place in a file"
        )


def _check_file(file: PackedFile, sizes: dict[str, int]) -> None:
    if not SHA256.fullmatch(file.sha256):
        raise CorruptArtifactError(
            "wrong form of its SHA-256", expected="64 hexadecimal digits", found=file.sha256[:80]
        )
    if 0 in file.segments:
        raise CorruptArtifactError("an empty segment")
    total = sum(sizes[s] if isinstance(s, str) else s for s in file.segments)
    if total != file.size:
        raise CorruptArtifactError(
            "its segments do not add up to its size", expected=file.size, found=total
        )


def _check_literals(header: Header, limits: Limits) -> None:
    total = sum(s for file in header.files for s in file.segments if isinstance(s, int))
    literals = header.literals
    with inside("literal stream"):
        _check_division(total, literals.chunk, len(literals.chunks))
        limits.check("chunk_bytes", min(literals.chunk, total))
        for frame in literals.chunks:
            _check_stored(frame)


def _check_payload(header: Header, payload_size: int) -> None:
    chunks = (chunk for pool in header.pools for chunk in pool.chunks)
    total = sum(frame.size for frame in header.literals.chunks)
    total += sum(stream.size for chunk in chunks for stream in chunk.streams.values())
    if total != payload_size:
        raise CorruptArtifactError(
            "the stored streams do not fill the payload", expected=total, found=payload_size
        )
