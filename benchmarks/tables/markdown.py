"""Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["table"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], below: str = "") -> str:
    """Return a table of texts, with the text ``below`` it."""
    head, *body = (f"| {' | '.join(line)} |" for line in (header, *rows))
    made = "\n".join([head, "|---" * len(header) + "|", *body])
    return f"{made}\n\n{below}" if below else made
