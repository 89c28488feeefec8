"""The loop of an engine's process: run a model as often as each line of the input says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["serve"]


def serve(start: Callable[..., Callable[[], Any]]) -> None:
    """Start the engine on the arguments of the command line, and serve until the input ends.

    The arguments are the model, a file ``.npz`` with one batch by the names of the inputs, the
    number of threads, and where the output of that batch is to be written (``.npy``); others are
    those of the engine.

    Args:
        start: Takes the first three and those of the engine, and returns a function that runs the
            batch once and returns the first output.
    """
    model, feed, threads, output, *own = sys.argv[1:]
    run = start(model, dict(np.load(feed)), int(threads), *own)
    np.save(output, np.asarray(run()))
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            run()
        print("done", flush=True)
