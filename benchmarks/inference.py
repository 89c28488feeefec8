"""Benchmark of inference: sparse kernels beside dense ones, in one process per pair.

Dense is stock onnxruntime at its default settings, with the same pruned file. The ways alternate
round by round, so that a load on the machine slows both. The outputs of both are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.inference_models import NETWORKS, prune_network
from benchmarks.results import read_result, write_result
from benchmarks.timing import compare_seconds, pin_to_core, time_interleaved
from prunepack import list_sparse_layers, open_session
from prunepack.stages.runtime.host import host_name

if TYPE_CHECKING:
    from pathlib import Path

SPARSITIES = (70, 80, 90, 95)
ROUND_SECONDS = 0.1
"""Least time of one way in a round: it runs as often as that takes."""

CPU = ["CPUExecutionProvider"]

CREATION = """
import re, sys, time
import onnxruntime, prunepack
path, sparse = sys.argv[1:]
prunepack.open_session(path, sparse=sparse) if sparse == "warm" else None
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
began = time.perf_counter()
session = prunepack.open_session(path, session_options=options, sparse=sparse,
                                 providers=["CPUExecutionProvider"])
print(time.perf_counter() - began)
print(re.search(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
print(re.search(r"VmRSS:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
"""


def _open(path: Path, sparse: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return open_session(path, session_options=options, sparse=sparse, providers=CPU)  # type: ignore[arg-type]


def _draw_input(session: Any, batch: int) -> dict[str, Any]:
    (node,) = session.get_inputs()
    shape = [size if isinstance(size, int) else batch for size in node.shape]
    rng = np.random.default_rng(0)
    if "int" in node.type:
        return {node.name: rng.integers(0, 30000, shape)}
    return {node.name: rng.standard_normal(shape, np.float32)}


def measure(path: Path, batch: int, threads: int, rounds: int) -> dict[str, Any]:
    """Compare the dense and the sparse session of a model.

    Returns:
        Median milliseconds of both, the ratio with its 95 % interval, the largest difference of
        the outputs relative to the largest output, and how many layers run sparse.
    """
    sessions = {kind: _open(path, kind, threads) for kind in ("off", "auto")}
    feed = _draw_input(sessions["off"], batch)
    dense, sparse = (sessions[kind].run(None, feed)[0] for kind in ("off", "auto"))
    began = time.perf_counter()
    sessions["auto"].run(None, feed)
    repeats = max(1, int(ROUND_SECONDS / (time.perf_counter() - began)))

    def repeat(session: Any) -> None:
        for _ in range(repeats):
            session.run(None, feed)

    ways = {kind: lambda session=session: repeat(session) for kind, session in sessions.items()}
    taken = time_interleaved(ways, rounds)
    layers = list_sparse_layers(sessions["auto"])
    return {
        "dense_ms": round(float(np.median(taken["off"])) / repeats * 1e3, 3),
        "sparse_ms": round(float(np.median(taken["auto"])) / repeats * 1e3, 3),
        **compare_seconds(taken["off"], taken["auto"]),
        "error": float(np.abs(dense - sparse).max() / np.abs(dense).max()),
        "sparse_layers": sum(layer.is_sparse for layer in layers),
        "layers": len(layers),
    }


def measure_creation(path: Path) -> dict[str, float]:
    """Create the dense and the sparse session in processes of their own, after one of each kind.

    Returns:
        Seconds, peak and remaining resident memory in MB of both, and the size of the file.
    """
    result = {"file_mb": round(path.stat().st_size / 1e6, 1)}
    for kind in ("off", "auto", "off", "auto"):
        command = [sys.executable, "-c", CREATION, str(path), kind]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, peak, resident = map(float, done.stdout.split())
        name = "dense" if kind == "off" else "sparse"
        result[f"{name}_seconds"] = round(seconds, 3)
        result[f"{name}_peak_mb"] = round(peak * 1024 / 1e6, 1)
        result[f"{name}_resident_mb"] = round(resident * 1024 / 1e6, 1)
    return result


def main() -> None:
    """Measure the networks, and add the results to those of networks that are not measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    try:
        result = read_result("inference")
    except FileNotFoundError:
        result = {}
    result["host"], result["rounds"] = host_name(), arguments.rounds
    for name in arguments.networks:
        for percent in SPARSITIES:
            path = prune_network(name, percent)
            for batch in NETWORKS[name].batches:
                with pin_to_core():
                    row = measure(path, batch, arguments.threads, arguments.rounds)
                key = f"{name}/{percent}/{batch}/{arguments.threads}"
                result.setdefault("rows", {})[key] = row
                print(key, json.dumps(row), flush=True)
        result.setdefault("creation", {})[name] = measure_creation(prune_network(name, 90))
        print(name, json.dumps(result["creation"][name]), flush=True)
        write_result("inference", result)


if __name__ == "__main__":
    main()
