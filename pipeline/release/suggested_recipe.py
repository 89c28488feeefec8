"""Suggested recipe: a file with a digest, by which its command knows whether somebody edited it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["add_digest", "is_unedited"]

MARK = b"# Delete this line, or change one above, and the file is yours: "


def add_digest(text: str) -> bytes:
    """Return a text with a last line that holds the digest of the others."""
    content = text.encode()
    return content + MARK + _compute_digest(content) + b"\n"


def is_unedited(path: Path) -> bool:
    """Return whether a file is exactly as :func:`add_digest` made it."""
    try:
        content, mark, digest = path.read_bytes().rpartition(MARK)
    except OSError:
        return False
    return bool(mark) and digest == _compute_digest(content) + b"\n"


def _compute_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()
