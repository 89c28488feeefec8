"""Peak memory of one task in a process of its own.

``python -m benchmarks.peak TASK PATH …`` prints a JSON object; sizes are in bytes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack import Artifact, open_session, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable


def read_resident(field: str) -> int:
    """Return the current resident memory (``VmRSS``), or its peak (``VmHWM``), in bytes.

    ``ru_maxrss`` would also count the memory of the parent process.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def decode(artifact: str) -> dict[str, Any]:
    """Decode all tensors into one buffer."""
    with Artifact.open(artifact) as opened:
        tensors = opened.read_tensors()
    return {"dense": sum(tensor.nbytes for tensor in tensors.values())}


def start(artifact: str) -> dict[str, Any]:
    """Open a session on the decoded arrays, and run it once."""
    import numpy as np

    session = open_session(artifact, providers=["CPUExecutionProvider"], start="instant")
    (one,) = session.get_inputs()
    (result,) = session.run(None, {one.name: np.ones((1, one.shape[1]), np.float32)})
    return {"shape": list(result.shape)}


def main() -> None:
    """Run the task of the command line, and print its memory and time."""
    task, *paths = sys.argv[1:]
    tasks: dict[str, Callable[..., Any]] = {
        "pack": pack,
        "unpack": unpack,
        "decode": decode,
        "start": start,
    }
    before = read_resident("VmRSS")
    began = time.perf_counter()
    found = tasks[task](*paths)
    seconds = round(time.perf_counter() - began, 4)
    facts = found if isinstance(found, dict) else {}
    print(
        json.dumps({"before": before, "peak": read_resident("VmHWM"), "seconds": seconds, **facts})
    )


if __name__ == "__main__":
    main()
