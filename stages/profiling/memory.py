"""Peak memory of a model, measured in a fresh process that opens it and runs it once.

``python -m prunepack.stages.profiling.memory REQUEST`` is that process: REQUEST is JSON, stdin is
an ``.npz`` file with the inputs, and stdout gets the result as JSON.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.profiling.peak import Peak, read_high_water

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunepack.stages.contract.arrays import ArrayMapping
    from prunepack.stages.metrics.metric import Metrics

__all__ = ["memory_metrics", "peak_memory"]


def peak_memory(model: Path, inputs: ArrayMapping, providers: Sequence[str], threads: int) -> Peak:
    """Open ``model`` in a process of its own, run it once, and return its peak memory.

    Args:
        model: An ``.onnx`` file or an artifact.
        inputs: The inputs of the run.
        providers: Execution providers of the session.
        threads: Threads of the session.

    Raises:
        RefusedError: If the process fails.
    """
    request = {"model": str(model.absolute()), "providers": list(providers), "threads": threads}
    command = [sys.executable, "-P", "-m", "prunepack.stages.profiling.memory", json.dumps(request)]
    done = _run_with_inputs(command, inputs)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise RefusedError(
            f"the process that measures the memory of `{model}` failed",
            expected="exit code 0",
            found=": ".join([str(done.returncode), *last]),
            hint="Look up a negative code as a signal; -9 means that the memory was exhausted",
        )
    return Peak(**{name: float(value) for name, value in json.loads(done.stdout).items()})


def _run_with_inputs(
    command: Sequence[str], inputs: ArrayMapping
) -> subprocess.CompletedProcess[bytes]:
    """Run ``command`` with the inputs as an ``.npz`` file on its standard input."""
    import numpy as np

    with tempfile.TemporaryFile() as file:
        np.savez(file, allow_pickle=False, **inputs)
        file.seek(0)
        return subprocess.run(command, stdin=file, capture_output=True, check=False)  # noqa: S603


def memory_metrics(dense: Peak, pruned: Peak, batch: int) -> Metrics:
    """Return both peaks and their ratio."""
    metrics = {}
    for name, found in (("dense", dense), ("pruned", pruned)):
        note = f"a process that runs a batch of {batch}; {found.before:,.0f} before the model"
        if math.isnan(found.peak):
            note = "this system does not tell the peak memory of a process"
        metrics[f"memory.{name}"] = Metric(found.peak, "bytes", note=note)
    ratio = pruned.peak / dense.peak
    return metrics | {"memory.ratio": Metric(ratio, "×", note="pruned / dense, whole processes")}


def _measure(request: Mapping[str, Any], file: IO[bytes]) -> Peak:
    import numpy as np
    import onnxruntime  # noqa: F401 -- its own memory is not the model's

    from prunepack.stages.runtime import sessions

    model = Path(request["model"])
    with np.load(file, allow_pickle=False) as archive:
        inputs = {name: archive[name] for name in archive.files}
    before = read_high_water()
    is_onnx = model.suffix == ".onnx"
    opener = sessions.open_onnx_session if is_onnx else sessions.open_artifact_session
    sessions.run_session(opener(model, request["providers"], request["threads"]), inputs)
    return Peak(before, read_high_water())


if __name__ == "__main__":
    result = _measure(json.loads(sys.argv[1]), sys.stdin.buffer)
    sys.stdout.write(json.dumps(asdict(result)))
