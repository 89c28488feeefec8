"""DeepSparse, whose last version is 1.8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import deepsparse

from benchmarks.inference.engines.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable


def start(model: str, feed: dict[str, Any], threads: int) -> Callable[[], Any]:
    """Compile the model for the batch of the feed."""
    inputs = list(feed.values())
    engine = deepsparse.Engine(model=model, batch_size=len(inputs[0]), num_cores=threads)
    return lambda: engine.run(inputs)[0]


serve(start)
