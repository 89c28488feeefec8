"""Standard streams for any output, in any encoding, whose reader may leave or be absent."""

from __future__ import annotations

import codecs
import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["prepare_streams", "replace_unencodable"]

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


class _PatientFile(FileIO):
    """A standard stream whose reader may leave: output is lost then, and the exit code stays."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def prepare_streams() -> None:
    """Let stdout and stderr accept everything, so that the exit code depends on the command only.

    A stream that is closed (``>&-``) is opened again, so that no file gets its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = _prepare(getattr(sys, name))
        vars(sys).update({name: stream, f"__{name}__": stream})
    replace_unencodable(sys.stdout, sys.stderr)


def _prepare(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if type(getattr(getattr(stream, "buffer", None), "raw", None)) is not FileIO:
        return stream
    raw = _PatientFile(stream.fileno(), "w", closefd=False)
    return TextIOWrapper(
        BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )


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
