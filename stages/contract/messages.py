"""Parts of messages: short lists, names in backticks, exceptions in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["describe_error", "list_first", "list_names"]

SHOWN = 8
"""Entries of a list that a message shows by default."""


def list_first(texts: Iterable[str], most: int = SHOWN) -> str:
    """Return the first ``most`` of the texts, and the number of the others."""
    texts = list(texts)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def list_names(names: Iterable[str], most: int = SHOWN) -> str:
    """Return names in backticks, the first ``most`` of them."""
    return list_first((f"`{name}`" for name in names), most)


def describe_error(error: BaseException) -> str:
    """Return the class of an exception and the first line of its text that is not blank."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
