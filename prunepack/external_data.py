"""Where an ONNX tensor says that its bytes are, outside the model's own file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunepack.errors import RefusedError
from prunepack.file_names import flaw

if TYPE_CHECKING:
    from prunepack.onnx_spans import OnnxTensor

__all__ = ["External", "parse_external"]

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
    if found := flaw(location):
        raise _refusal(tensor, "a path inside the model's folder", f"{location!r}, which {found}")
    offset = _number(tensor, entries.get("offset") or "0")
    length = _number(tensor, entries["length"]) if entries.get("length") else None
    return External(location, offset, length)


def _number(tensor: OnnxTensor, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _refusal(tensor, "offset and length in decimal digits", repr(text[:40]))
    return int(text)


def _refusal(tensor: OnnxTensor, expected: str, found: str) -> RefusedError:
    return RefusedError(
        f"external data of tensor {tensor.name!r} cannot be packed",
        expected=expected,
        found=found or "nothing",
        do="Save the model with its external data beside it",
    )
