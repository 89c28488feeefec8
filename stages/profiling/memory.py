"""Peak memory of a model: a fresh process that opens it, runs it once and reports its high water.

Run as ``python -m prunepack.stages.profiling.memory REQUEST`` it is that process: REQUEST is JSON,
stdin is an ``.npz`` file with the inputs, and the answer is JSON on stdout.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.metrics.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from prunepack.stages.metrics.metric import Metrics

__all__ = ["Peak", "high_water", "memory_metrics", "peak_memory"]


@dataclass(frozen=True, slots=True)
class Peak:
    """Resident memory of a process, in bytes; NaN where the system does not say.

    Attributes:
        before: Its high water with Python, onnxruntime and the inputs, before the model.
        peak: Its high water after the session was opened and has run once.
    """

    before: float
    peak: float


def peak_memory(
    model: Path,
    inputs: Mapping[str, npt.NDArray[Any]],
    providers: Sequence[str],
    threads: int,
) -> Peak:
    """Open ``model`` in a process of its own, run it once, and return what that took.

    Args:
        model: An ``.onnx`` file or a packed one.
        inputs: What it is run on.
        providers: Execution providers of the session.
        threads: Threads of the session.

    Raises:
        RefusedError: If that process does not come to its end.
    """
    import numpy as np

    request = {"model": str(model.absolute()), "providers": list(providers), "threads": threads}
    command = [sys.executable, "-P", "-m", "prunepack.stages.profiling.memory", json.dumps(request)]
    with tempfile.TemporaryFile() as file:
        np.savez(file, allow_pickle=False, **inputs)
        file.seek(0)
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise RefusedError(
            f"the process that measures the memory of {model} failed",
            expected="exit code 0",
            found=": ".join([str(done.returncode), *last]),
            hint="A negative code is a signal; -9 means that the machine had no memory left.",
        )
    return Peak(**{name: float(value) for name, value in json.loads(done.stdout).items()})


def memory_metrics(dense: Peak, pruned: Peak, batch: int) -> Metrics:
    """Return the peaks and their ratio."""
    figures = {}
    for name, one in (("dense", dense), ("pruned", pruned)):
        note = f"a process that runs a batch of {batch}; {one.before:,.0f} before the model"
        figures[f"memory.{name}"] = Metric(one.peak, "bytes", note=note)
    ratio = pruned.peak / dense.peak
    return figures | {"memory.ratio": Metric(ratio, "×", note="pruned / dense, whole processes")}


def high_water() -> float:
    """Return the most memory, in bytes, that this process ever had resident; NaN if unknown.

    Linux says it for the program that runs now (``VmHWM``); ``ru_maxrss`` also remembers the
    parent that this process was forked from, and serves only where there is nothing else.
    """
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return math.nan
    return float(getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def _measure(request: Mapping[str, Any], file: IO[bytes]) -> Peak:
    import numpy as np
    import onnxruntime  # noqa: F401 -- its own memory is not the model's

    from prunepack.stages.runtime.sessions import artifact_session, onnx_session, run

    model = Path(request["model"])
    with np.load(file, allow_pickle=False) as archive:
        inputs = {name: archive[name] for name in archive.files}
    before = high_water()
    opener = onnx_session if model.suffix == ".onnx" else artifact_session
    run(opener(model, request["providers"], request["threads"]), inputs)
    return Peak(before, high_water())


if __name__ == "__main__":
    found = _measure(json.loads(sys.argv[1]), sys.stdin.buffer)
    sys.stdout.write(json.dumps(asdict(found)))
