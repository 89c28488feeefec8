"""JSON objects in files, read strictly: an object with a key twice is refused."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, quote

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_json", "parse_object", "read_json", "read_small_file"]

MOST_BYTES = 64 << 20
"""Size of the largest JSON file that is read; parsed, it takes several times as much memory."""


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        RefusedError: If the file does not hold a JSON object.
    """
    return parse_object(read_small_file(path), path)


def read_small_file(path: Path) -> bytes:
    """Return the content of a regular file of at most :data:`MOST_BYTES`.

    Raises:
        RefusedError: If it is another file, or cannot be read.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise _refuse(path, "it is not a regular file")
        if state.st_size > MOST_BYTES:
            raise _refuse(path, f"{state.st_size:,} bytes; the limit is {MOST_BYTES:,}")
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        raise _refuse(path, str(error)) from None


def parse_object(content: bytes, source: Path) -> dict[str, Any]:
    """Return the JSON object in ``content``, which comes from ``source``.

    Raises:
        RefusedError: If there is none.
    """
    try:
        value = parse_json(content)
    except (RecursionError, ValueError) as error:
        raise _refuse(source, str(error)) from None
    if not isinstance(value, dict):
        raise RefusedError(
            f"`{source}` holds another JSON value", expected="an object", found=type(value).__name__
        )
    return value


def parse_json(content: bytes) -> Any:
    """Return the value in ``content``.

    Raises:
        RecursionError: If it nests too deeply.
        ValueError: If it is not JSON, or an object has a key twice.
    """
    return json.loads(content, object_pairs_hook=_check_keys)


def _check_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {quote(twice[:60])} twice in one object")
    return entries


def _refuse(source: Path, found: str) -> RefusedError:
    return RefusedError(f"`{source}` cannot be read as JSON", found=found)
