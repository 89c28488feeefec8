"""Which names of packed files are safe to create on any system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.format.tensor_names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clash", "flaw"]

FORBIDDEN = frozenset('<>:"|?*\\\x7f') | {chr(code) for code in range(32)}
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{digit}" for device in ("com", "lpt") for digit in "123456789¹²³"
}
LONGEST_PART = 255
LONGEST = 1024


def flaw(name: str) -> str | None:
    """Say what is wrong with ``name`` as a relative path, or None.

    The rules are those of Windows ("Naming Files, Paths, and Namespaces"), the strictest of all,
    so that what was packed anywhere can be unpacked anywhere.
    """
    try:
        size = len(name.encode("utf-8"))
    except UnicodeError:
        return "is not Unicode text"
    if size > LONGEST:
        return f"has more than {LONGEST} bytes"
    return next(filter(None, map(_part_flaw, name.split("/"))), None)


def _part_flaw(part: str) -> str | None:
    stem = part.partition(".")[0].rstrip(" ").casefold()
    flaws = {
        "is absolute, or has an empty, '.' or '..' part": part in {"", ".", ".."},
        "has a character that some systems give a meaning": not FORBIDDEN.isdisjoint(part),
        "has a part that ends in a dot or a space": part[-1:] in {".", " "},
        "has a part that is a device on Windows": stem in RESERVED,
        f"has a part of more than {LONGEST_PART} bytes": len(part.encode("utf-8")) > LONGEST_PART,
    }
    return next((words for words, found in flaws.items() if found), None)


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Find two names that some file system takes for one, or one that is a folder of another."""
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = _fold(name)
        other = seen.get(key) or folders.get(key)
        seen[key] = name
        parents = [key[:at] for at, char in enumerate(key) if char == "/"]
        other = other or next((seen[p] for p in parents if p in seen), None)
        if other:
            return other, name
        folders |= dict.fromkeys(parents, name)
    return None


def _fold(name: str) -> str:
    return fold(fold(name).casefold())
