"""Where an ONNX tensor says that its bytes are, outside the model's own file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import RefusedError
from prunepack.format.names import find_file_name_fault
from prunepack.io.regular_file import RegularFile

if TYPE_CHECKING:
    from prunepack.model_files.onnx_tensors import OnnxTensor

__all__ = ["External", "locate", "open_beside", "parse_external"]

KEYS = ("location", "offset", "length", "checksum")
MEMORY_MARKER = "_ORT_MEM_ADDR_"


class External(NamedTuple):
    """A range of an external file; ``length`` is None for all that is left of it."""

    location: str
    offset: int
    length: int | None


def parse_external(tensor: OnnxTensor) -> External:
    """Read ``external_data`` as the ONNX page "External Data" defines it.

    Raises:
        RefusedError: If it has other keys, repeats one, or leads out of the model's folder.
    """
    entries = dict(tensor.external)
    keys = [key for key, _ in tensor.external]
    if len(entries) < len(keys) or not entries.keys() <= set(KEYS) or "location" not in entries:
        raise _refusal(tensor, f"location and any of {', '.join(KEYS[1:])}", ", ".join(keys))
    location = entries["location"]
    if MEMORY_MARKER in location:
        raise _refusal(tensor, "the name of a file", "an address in memory")
    if found := find_file_name_fault(location):
        raise _refusal(tensor, "a path inside the model's folder", f"{location!r}, which {found}")
    offset = _number(tensor, entries.get("offset") or "0")
    length = _number(tensor, entries["length"]) if entries.get("length") else None
    return External(location, offset, length)


def open_beside(model_path: str, location: str) -> RegularFile:
    """Open an external file, wherever in the folder of the model it really lies.

    Raises:
        UsageError: If it cannot be opened.
        RefusedError: If a link leads out of the folder.
    """
    folder = Path(model_path).parent
    path = Path(os.path.realpath(folder / location))
    if not path.is_relative_to(os.path.realpath(folder)):
        raise RefusedError(
            f"external data {location!r} leads out of the model's folder",
            expected=f"a file below {folder}",
            found=path,
            hint="Put the file itself there instead of a link",
        )
    return RegularFile(str(path))


def locate(tensor: OnnxTensor, place: External, size: int) -> tuple[int, int]:
    """Return start and stop of a tensor in its external file of ``size`` bytes.

    Raises:
        RefusedError: If the file is too small for it.
    """
    stop = size if place.length is None else place.offset + place.length
    if not place.offset <= stop <= size:
        raise RefusedError(
            f"external data of tensor {tensor.name!r} is not all there",
            expected=f"bytes {place.offset} to {stop} of {place.location}",
            found=f"{size} bytes",
            hint="Export the model anew",
        )
    return place.offset, stop


def _number(tensor: OnnxTensor, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _refusal(tensor, "offset and length in decimal digits", repr(text[:40]))
    return int(text)


def _refusal(tensor: OnnxTensor, expected: str, found: str) -> RefusedError:
    return RefusedError(
        f"external data of tensor {tensor.name!r} cannot be packed",
        expected=expected,
        found=found or "nothing",
        hint="Save the model with its external data beside it",
    )
