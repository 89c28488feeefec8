"""Names that tensors and packed files may have, and the rules for equal names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_FILE_NAME_BYTES",
    "MAX_TENSOR_NAME_BYTES",
    "find_collision",
    "find_file_name_fault",
    "is_tensor_name",
    "normalize_name",
]

MAX_TENSOR_NAME_BYTES = 1024
"""In UTF-8. Unicode normalisation takes quadratic time on names that are made for it."""

MAX_FILE_NAME_BYTES = 1024
MAX_PART_BYTES = 255

FORBIDDEN = frozenset('<>:"|?*\\\x7f') | {chr(code) for code in range(32)}
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{digit}" for device in ("com", "lpt") for digit in "123456789¹²³"
}


def is_tensor_name(name: str) -> bool:
    """Tell whether the format allows ``name`` for a tensor."""
    return 0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_TENSOR_NAME_BYTES


def normalize_name(name: str) -> str:
    """Return the form in which two names must differ: Unicode NFC."""
    if name.isascii():
        return name
    import unicodedata  # a megabyte that few models need

    return unicodedata.normalize("NFC", name)


def find_file_name_fault(name: str) -> str | None:
    """Return the rule that ``name`` breaks as the path of a packed file, or None.

    The rules are those of Windows ("Naming Files, Paths, and Namespaces"), which are the strictest
    of all systems. A model that was packed on any system can therefore be unpacked on any other.
    """
    try:
        size = len(name.encode("utf-8"))
    except UnicodeError:
        return "is not Unicode text"
    if size > MAX_FILE_NAME_BYTES:
        return f"has more than {MAX_FILE_NAME_BYTES} bytes"
    return next(filter(None, map(_find_part_fault, name.split("/"))), None)


def _find_part_fault(part: str) -> str | None:
    stem = part.partition(".")[0].rstrip(" ").casefold()
    size = len(part.encode("utf-8"))
    faults = {
        "is absolute, or has an empty, '.' or '..' part": part in {"", ".", ".."},
        "has a character that some systems give a meaning": not FORBIDDEN.isdisjoint(part),
        "has a part that ends in a dot or a space": part[-1:] in {".", " "},
        "has a part that is a device on Windows": stem in RESERVED,
        f"has a part of more than {MAX_PART_BYTES} bytes": size > MAX_PART_BYTES,
    }
    return next((fault for fault, is_present in faults.items() if is_present), None)


def find_collision(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that cannot both be created on every file system, or None.

    Two names collide if they differ in case or normalisation only, or if one is a folder of the
    other.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = _fold_case(name)
        other = files.get(key) or folders.get(key)
        files[key] = name
        parents = [key[:at] for at, char in enumerate(key) if char == "/"]
        other = other or next((files[p] for p in parents if p in files), None)
        if other:
            return other, name
        folders |= dict.fromkeys(parents, name)
    return None


def _fold_case(name: str) -> str:
    return normalize_name(normalize_name(name).casefold())
