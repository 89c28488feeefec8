"""Validation of a header, before any of the payload is read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from prunepack.coding.dtypes import DTYPES, ArraySpec
from prunepack.errors import CorruptArtifactError, inside, quote
from prunepack.format.canonical_json import MAX_INTEGER
from prunepack.format.chunk_validation import (
    check_chunk,
    check_division,
    check_known,
    check_literals,
)
from prunepack.format.header import Header
from prunepack.format.header_v1 import parse_v1
from prunepack.format.names import (
    MAX_TENSOR_NAME_BYTES,
    find_collision,
    find_file_name_fault,
    is_tensor_name,
    normalize_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prunepack.coding.dtypes import DType
    from prunepack.format.container import Container
    from prunepack.format.header import Copy, PackedFile, Pool, Tensor
    from prunepack.format.limits import Limits

__all__ = ["MAX_DIMENSIONS", "read_header"]

MAX_DIMENSIONS = 32
SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)


def read_header(container: Container, limits: Limits) -> Header:
    """Parse and validate the header of a container, of any version.

    Raises:
        CorruptArtifactError: If it contradicts itself, the format or the size of the payload.
        UnsupportedArtifactError: If it names an unknown feature, codec, compressor or dtype.
        LimitExceededError: If it exceeds ``limits``.
    """
    if container.version == 1:
        header = parse_v1(container.header)
    else:
        header = Header.from_bytes(container.header, container.checksums)
    _validate(header, container.payload_size, limits)
    return header


def _validate(header: Header, payload_size: int, limits: Limits) -> None:
    """Check all rules that concern the header alone."""
    limits.check("files", len(header.files))
    limits.check("tensors", len(header.copies) + sum(len(p.tensors) for p in header.pools))
    limits.check("decoded_bytes", sum(file.size for file in header.files))
    _check_file_names(header.files)
    _check_tensor_names(header)
    for index, pool in enumerate(header.pools):
        with inside(f"pool {index}"):
            _check_pool(pool, limits)
    sizes = _tensor_sizes(header, limits)
    _check_places(header, sizes)
    for file in header.files:
        with inside(f"file {quote(file.name)}"):
            _check_file(file, sizes)
    literals = sum(s for file in header.files for s in file.segments if isinstance(s, int))
    check_literals(header.literals, literals, limits)
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


def _check_pool(pool: Pool, limits: Limits) -> None:
    check_known("dtype", pool.dtype, DTYPES)
    for tensor in pool.tensors:
        _check_shape(tensor.name, tensor.shape)
    dtype = DTYPES[pool.dtype]
    items = sum(dtype.items(tensor.elements) for tensor in pool.tensors)
    limits.check("decoded_bytes", items * dtype.itemsize)
    check_division(items, pool.chunk, len(pool.chunks))
    limits.check("chunk_bytes", min(pool.chunk, items) * dtype.itemsize)
    for index, chunk in enumerate(pool.chunks):
        count = min(pool.chunk, items - index * pool.chunk)
        with inside(f"chunk {index}"):
            check_chunk(chunk, ArraySpec(dtype.carrier, count))


def _tensor_sizes(header: Header, limits: Limits) -> dict[str, int]:
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
        if copy.axes:
            limits.check("transposed_bytes", sizes[copy.name])
            _check_axes(copy, *of[copy.of])
    return sizes


def _check_axes(copy: Copy, stored: Tensor, dtype: DType) -> None:
    """Check that a transposed copy has the dimensions of its tensor in another order."""
    order = sorted(copy.axes) == list(range(len(stored.shape)))
    if dtype.packed > 1 or not order or copy.shape != tuple(stored.shape[i] for i in copy.axes):
        raise CorruptArtifactError(
            f"tensor {quote(copy.name)} cannot be the transposed {quote(copy.of)}",
            expected=f"the dimensions {list(stored.shape)} in another order",
            found=f"axes {list(copy.axes)} and shape {list(copy.shape)}",
        )


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


def _check_payload(header: Header, payload_size: int) -> None:
    chunks = (chunk for pool in header.pools for chunk in pool.chunks)
    lists = (numbers for chunk in header.literals.chunks for numbers in chunk.lists)
    total = sum(chunk.text.size for chunk in header.literals.chunks)
    total += sum(stream.size for numbers in lists for stream in numbers.streams.values())
    total += sum(stream.size for chunk in chunks for stream in chunk.streams.values())
    if total != payload_size:
        raise CorruptArtifactError(
            "the stored streams do not fill the payload", expected=total, found=payload_size
        )
