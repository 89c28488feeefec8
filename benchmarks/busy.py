"""Process that keeps a core and its caches busy until killed: ``steady``, or in ``bursts``."""

from __future__ import annotations

import os
import random
import sys
import time

LONGEST = 0.4
"""Longest duration of a burst, and of the pause after it, in seconds."""


def main() -> None:
    """Print ``busy``, and work until killed."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np

    bursts = sys.argv[1:] == ["bursts"]
    matrix, stream = np.full((400, 400), 0.001), np.ones(4_000_000)
    print("busy", flush=True)
    while True:
        until = time.monotonic() + random.uniform(0.02, LONGEST)
        while time.monotonic() < until:
            np.matmul(matrix, matrix)
            np.multiply(stream, 0.999, out=stream)
        if bursts:
            time.sleep(random.uniform(0.02, LONGEST))


if __name__ == "__main__":
    main()
