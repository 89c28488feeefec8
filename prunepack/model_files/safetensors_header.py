"""Finding the tensors of a safetensors checkpoint by its header.

The form is that of the safetensors documentation, section "Format": the size of the header, eight
bytes, little-endian; a JSON object of that size; and the elements, without a gap. What it calls
``dtype`` may be a name that is not known here; the bytes of such a tensor are packed as they are.
"""

from __future__ import annotations

import json
import math
import reprlib
from typing import TYPE_CHECKING, Any, NoReturn

from prunepack.coding.dtypes import DTYPES
from prunepack.errors import RefusedError, inside
from prunepack.format.validation import MAX_DIMENSIONS
from prunepack.model_files.spans import FoundTensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.io.regular_file import RegularFile

__all__ = ["find_in_checkpoint", "is_checkpoint"]

PREFIX = 8
LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""

METADATA = "__metadata__"

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
    """Tell whether a file is meant as a safetensors checkpoint, by its name or its first bytes."""
    head = file.read(0, min(file.size, PREFIX + 1))
    by_content = bytes(head[PREFIX:]) == b"{" and _header_size(head) <= LONGEST_HEADER
    return by_content or file.path.lower().endswith(".safetensors")


def find_in_checkpoint(file: RegularFile, home: str) -> list[FoundTensor]:
    """Return every tensor of a safetensors checkpoint, in the order of their bytes.

    Args:
        file: The checkpoint; only its header is read.
        home: Its name in the artifact.

    Raises:
        RefusedError: If it contradicts the format or itself.
    """
    start = PREFIX + _checked_header_size(file)
    entries = _parse(bytes(file.read(PREFIX, start)))
    metadata = entries.pop(METADATA, None) or {}
    if type(metadata) is not dict or any(type(value) is not str for value in metadata.values()):
        raise _malformed(METADATA, "an object of strings", metadata)
    found = [_tensor(name, entry, start, home) for name, entry in entries.items()]
    found.sort(key=lambda tensor: (tensor.start, tensor.stop))
    _check_cover(found, start, file.size)
    return found


def _header_size(head: memoryview) -> int:
    return int.from_bytes(head[:PREFIX], "little")


def _checked_header_size(file: RegularFile) -> int:
    size = _header_size(file.read(0, min(file.size, PREFIX)))
    if not 2 <= size <= min(LONGEST_HEADER, file.size - PREFIX):
        raise RefusedError(
            "not a safetensors checkpoint",
            expected=f"a header of 2 to {LONGEST_HEADER} bytes, all of it there",
            found=f"one of {size} bytes in a file of {file.size}",
            hint="Fetch or save it again",
        )
    return size


def _parse(header: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            header.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise _malformed("the header", "objects in one object", "deep nesting") from error
    except ValueError as error:
        raise _malformed("the header", "JSON in UTF-8", str(error)) from error
    if type(value) is not dict:
        raise _malformed("the header", "an object", value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {}
    for key, value in pairs:
        if key in found:
            raise _malformed("the header", "each key once", f"{key[:40]!r} twice")
        key.encode("utf-8")
        found[key] = value
    return found


def _no_constant(text: str) -> NoReturn:
    raise _malformed("the header", "JSON", text)


def _tensor(name: str, entry: Any, start: int, home: str) -> FoundTensor:
    with inside(f"tensor {name[:80]!r}"):
        if type(entry) is not dict or not entry.keys() >= {"dtype", "shape", "data_offsets"}:
            raise _malformed("its entry", "dtype, shape and data_offsets", entry)
        code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if type(code) is not str:
            raise _malformed("its dtype", "a string", code)
        _check_integers("its shape", shape)
        _check_integers("its data_offsets", offsets)
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            raise _malformed("its data_offsets", "first and last, in order", offsets)
        begin, end = offsets
        dtype = DTYPES.get(DTYPE_NAMES.get(code, ""))
        if dtype and len(shape) <= MAX_DIMENSIONS:
            needed = dtype.nbytes(math.prod(shape))
            if needed != end - begin:
                raise _malformed("its data_offsets", f"{needed} bytes", f"{end - begin}")
        return FoundTensor(home, start + begin, start + end, name, True, dtype, tuple(shape))


def _check_integers(what: str, value: Any) -> None:
    if type(value) is not list or any(type(v) is not int or not 0 <= v < 2**63 for v in value):
        raise _malformed(what, f"a list of integers from 0 to {2**63 - 1}", value)


def _check_cover(tensors: Sequence[FoundTensor], start: int, size: int) -> None:
    """Check that the tensors, which are sorted, fill the file without a gap or an overlap."""
    at = start
    for tensor in tensors:
        if tensor.start != at or tensor.stop > size:
            raise _malformed(
                f"tensor {tensor.label[:80]!r}",
                f"bytes from {at - start} on, and at most {size - start}",
                f"bytes {tensor.start - start} to {tensor.stop - start}",
            )
        at = tensor.stop
    if at != size:
        raise _malformed("the file", f"{at} bytes", size)


def _malformed(what: str, expected: str, found: object) -> RefusedError:
    text = found if isinstance(found, str) else reprlib.repr(found)
    return RefusedError(
        f"malformed safetensors checkpoint, {what}",
        expected=expected,
        found=text[:80],
        hint="Fetch or save it again",
    )
