"""Tensors of a safetensors checkpoint, found in its header without the package ``safetensors``.

The safetensors documentation, section "Format", defines the form: the size of the header in eight
bytes, little-endian; a JSON object of that size; then the elements without gaps. A tensor whose
``dtype`` is not known here is packed as plain bytes.
"""

from __future__ import annotations

import json
import math
import reprlib
from typing import TYPE_CHECKING, NoReturn

from prunepack.coding.dtypes import DTYPES
from prunepack.errors import RefusedError, inside, quote
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.model_files.spans import DeclaredTensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.coding.dtypes import DType
    from prunepack.io.regular_file import RegularFile

__all__ = ["find_declared_tensors", "is_checkpoint"]

PREFIX = 8
MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors library."""

METADATA = "__metadata__"
MAX_SHOWN_NAME = 80

DTYPE_NAMES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "BF16": "bfloat16",
    "BOOL": "bool",
    "F8_E4M3": "float8e4m3fn",
    "F8_E4M3FNUZ": "float8e4m3fnuz",
    "F8_E5M2": "float8e5m2",
    "F8_E5M2FNUZ": "float8e5m2fnuz",
    "F8_E8M0": "float8e8m0",
}


def is_checkpoint(file: RegularFile) -> bool:
    """Tell by its name or its first bytes whether a file is a safetensors checkpoint."""
    head = file.read(0, min(file.size, PREFIX + 1))
    by_content = bytes(head[PREFIX:]) == b"{" and _parse_size(head) <= MAX_HEADER_BYTES
    return by_content or file.path.lower().endswith(".safetensors")


def find_declared_tensors(file: RegularFile) -> list[DeclaredTensor]:
    """Return every tensor of a safetensors checkpoint, in the order of its bytes.

    Only the header of the checkpoint is read.

    Raises:
        RefusedError: If the checkpoint contradicts the format or itself.
    """
    start = PREFIX + _read_header_size(file)
    entries = _parse_header(bytes(file.read(PREFIX, start)))
    _check_metadata(entries.pop(METADATA, None) or {})
    tensors = [_parse_tensor(file, name, entry, start) for name, entry in entries.items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop))
    _check_cover(tensors, start, file.size)
    return tensors


def _parse_size(head: memoryview) -> int:
    return int.from_bytes(head[:PREFIX], "little")


def _read_header_size(file: RegularFile) -> int:
    size = _parse_size(file.read(0, min(file.size, PREFIX)))
    if not 2 <= size <= min(MAX_HEADER_BYTES, file.size - PREFIX):
        raise RefusedError(
            "not a safetensors checkpoint",
            expected=f"a complete header of 2 to {MAX_HEADER_BYTES} bytes",
            found=f"a header of {size} bytes in a file of {file.size}",
            hint="Fetch or save it again",
        )
    return size


def _parse_header(header: bytes) -> dict[str, object]:
    try:
        value = json.loads(
            header.decode("utf-8"), object_pairs_hook=_check_keys, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise _refuse("the header", "objects in one object", "deep nesting") from error
    except ValueError as error:
        raise _refuse("the header", "JSON in UTF-8", str(error)) from error
    if not isinstance(value, dict):
        raise _refuse("the header", "an object", value)
    return value


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or any(type(value) is not str for value in metadata.values()):
        raise _refuse(METADATA, "an object of strings", metadata)


def _check_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in pairs:
        if key in entries:
            raise _refuse("the header", "each key once", f"{key[:40]!r} twice")
        key.encode("utf-8")
        entries[key] = value
    return entries


def _refuse_constant(text: str) -> NoReturn:
    raise _refuse("the header", "JSON", text)


def _parse_tensor(file: RegularFile, name: str, entry: object, start: int) -> DeclaredTensor:
    with inside(f"tensor {quote(name[:MAX_SHOWN_NAME])}"):
        if not isinstance(entry, dict) or not entry.keys() >= {"dtype", "shape", "data_offsets"}:
            raise _refuse("its entry", "dtype, shape and data_offsets", entry)
        code = entry["dtype"]
        if not isinstance(code, str):
            raise _refuse("its dtype", "a string", code)
        shape = _parse_integers("its shape", entry["shape"])
        offsets = _parse_integers("its data_offsets", entry["data_offsets"])
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            raise _refuse("its data_offsets", "first and last, in order", offsets)
        begin, end = offsets
        dtype = DTYPES.get(DTYPE_NAMES.get(code, ""))
        _check_size(dtype, shape, end - begin)
        return DeclaredTensor(file, start + begin, start + end, name, True, dtype, tuple(shape))


def _parse_integers(part: str, value: object) -> list[int]:
    if isinstance(value, list) and all(type(v) is int and 0 <= v < 2**63 for v in value):
        return value
    raise _refuse(part, f"a list of integers from 0 to {2**63 - 1}", value)


def _check_size(dtype: DType | None, shape: Sequence[int], size: int) -> None:
    if dtype and len(shape) <= MAX_DIMENSIONS:
        expected = dtype.nbytes(math.prod(shape))
        if expected != size:
            raise _refuse("its data_offsets", f"{expected} bytes", f"{size}")


def _check_cover(tensors: Sequence[DeclaredTensor], start: int, size: int) -> None:
    """Check that the tensors, which are sorted, fill the file without a gap or an overlap."""
    at = start
    for tensor in tensors:
        if tensor.start != at or tensor.stop > size:
            raise _refuse(
                f"tensor {quote(tensor.label[:MAX_SHOWN_NAME])}",
                f"bytes from {at - start} on, and at most {size - start}",
                f"bytes {tensor.start - start} to {tensor.stop - start}",
            )
        at = tensor.stop
    if at != size:
        raise _refuse("the file", f"{at} bytes", size)


def _refuse(part: str, expected: str, found: object) -> RefusedError:
    text = found if isinstance(found, str) else reprlib.repr(found)
    return RefusedError(
        f"malformed safetensors checkpoint, {part}",
        expected=expected,
        found=text[:80],
        hint="Fetch or save it again",
    )
