"""A session of our own, dense (``off``) or with sparse kernels (``auto``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.inference.engines.server import serve
from benchmarks.inference.sessions import open_kind

if TYPE_CHECKING:
    from collections.abc import Callable


def start(
    model: str, feed: dict[str, Any], threads: int, kind: Literal["off", "auto"]
) -> Callable[[], Any]:
    """Open the session."""
    session = open_kind(Path(model), kind, threads)
    return lambda: session.run(None, feed)[0]


serve(start)
