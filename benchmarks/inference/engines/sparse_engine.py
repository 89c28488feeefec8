"""Our sparse session, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.inference.engines.server import serve
from benchmarks.inference.sessions import open_kind

if TYPE_CHECKING:
    from collections.abc import Callable


def start(model: str, feed: dict[str, Any], threads: int) -> Callable[[], Any]:
    """Open the session."""
    session = open_kind(Path(model), "auto", threads)
    return lambda: session.run(None, feed)[0]


serve(start)
