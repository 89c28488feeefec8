"""Output on a terminal whose encoding lacks a symbol: ASCII in its place."""

from __future__ import annotations

import codecs
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["replace_unencodable"]

HANDLER = "prunepack.ascii"

ASCII = {
    "─": "-",
    "–": "-",
    "→": "->",
    "⇄": "<->",
    "↔": "<->",
    "×": "x",
    "…": "...",
    "›": ">",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "µ": "u",
    "✓": "ok",
}
"""Symbols of prunepack's own output, and what stands for them in ASCII."""


def replace_unencodable(*streams: TextIO) -> None:
    """Let ``streams`` write ASCII for every character that their encoding does not have."""
    codecs.register_error(HANDLER, _ascii_for)
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _ascii_for(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of the characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(ASCII.get(one) or _escape(one) for one in characters), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()
