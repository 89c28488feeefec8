"""How a long step tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "ignore_progress"]

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in total."""


def ignore_progress(done: int, total: int) -> None:
    """Tell nobody."""
