"""External data of ONNX tensors: its declaration and its files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import RefusedError, quote
from prunepack.format.names import find_file_name_fault
from prunepack.io.regular_file import RegularFile

if TYPE_CHECKING:
    from prunepack.model_files.onnx_tensors import OnnxTensor

__all__ = ["ExternalRange", "locate_range", "open_external", "parse_external"]

KEYS = ("location", "offset", "length", "checksum")
MEMORY_MARKER = "_ORT_MEM_ADDR_"


class ExternalRange(NamedTuple):
    """A range of an external file; without a ``length`` it goes to the end of the file."""

    location: str
    offset: int
    length: int | None


def parse_external(tensor: OnnxTensor) -> ExternalRange:
    """Read ``external_data`` as the ONNX page "External Data" defines it.

    Raises:
        RefusedError: If it has other keys, repeats one, or leads out of the model's folder.
    """
    entries = _read_entries(tensor)
    location = entries["location"]
    if MEMORY_MARKER in location:
        raise _refuse(tensor, "the name of a file", "an address in memory")
    if fault := find_file_name_fault(location):
        raise _refuse(tensor, "a path inside the model's folder", f"{location!r}, which {fault}")
    offset = _parse_number(tensor, entries.get("offset") or "0")
    length = _parse_number(tensor, entries["length"]) if entries.get("length") else None
    return ExternalRange(location, offset, length)


def open_external(model_path: str, location: str) -> RegularFile:
    """Open an external file in the folder of the model; links inside the folder are followed.

    Raises:
        UsageError: If the file cannot be opened.
        RefusedError: If a link leads out of the folder.
    """
    folder = Path(model_path).parent
    path = Path(os.path.realpath(folder / location))
    if not path.is_relative_to(os.path.realpath(folder)):
        raise RefusedError(
            f"external data {quote(location)} leads out of the model's folder",
            expected=f"a file below `{folder}`",
            found=f"`{path}`",
            hint="Put the file itself there instead of a link",
        )
    return RegularFile(str(path))


def locate_range(tensor: OnnxTensor, external: ExternalRange, size: int) -> tuple[int, int]:
    """Return start and stop of a tensor in its external file of ``size`` bytes.

    Raises:
        RefusedError: If the file is too small.
    """
    stop = size if external.length is None else external.offset + external.length
    if not external.offset <= stop <= size:
        raise RefusedError(
            f"external data of tensor {quote(tensor.name)} is incomplete",
            expected=f"bytes {external.offset} to {stop} of `{external.location}`",
            found=f"{size} bytes",
            hint="Export the model again",
        )
    return external.offset, stop


def _read_entries(tensor: OnnxTensor) -> dict[str, str]:
    entries = dict(tensor.external_entries)
    keys = [key for key, _ in tensor.external_entries]
    if len(entries) < len(keys) or not entries.keys() <= set(KEYS) or "location" not in entries:
        raise _refuse(tensor, f"location and any of {', '.join(KEYS[1:])}", ", ".join(keys))
    return entries


def _parse_number(tensor: OnnxTensor, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _refuse(tensor, "offset and length in decimal digits", repr(text[:40]))
    return int(text)


def _refuse(tensor: OnnxTensor, expected: str, found: str) -> RefusedError:
    return RefusedError(
        f"external data of tensor {quote(tensor.name)} cannot be packed",
        expected=expected,
        found=found or "nothing",
        hint="Save the model with its external data beside it",
    )
