"""Which names tensors may have, and which of them count as the same."""

from __future__ import annotations

__all__ = ["LONGEST", "fold", "is_fit"]

LONGEST = 1024
"""Bytes in UTF-8; Unicode normalisation takes quadratic time on what is made for it."""


def is_fit(name: str) -> bool:
    """Tell whether a tensor may have that name."""
    return 0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST


def fold(name: str) -> str:
    """Return the form in which two names must differ: Unicode NFC."""
    if name.isascii():
        return name
    import unicodedata  # a megabyte that few models need

    return unicodedata.normalize("NFC", name)
