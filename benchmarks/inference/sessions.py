"""Measurements of dense and sparse sessions: their inference, and their creation."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from benchmarks.timing import compare_seconds, time_interleaved
from prunepack import list_sparse_layers, open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = [
    "Effort",
    "find_error",
    "measure_creation",
    "measure_ways",
    "open_kind",
    "open_pair",
    "summarise_sparse",
]

CPU = ["CPUExecutionProvider"]

CREATION = """
import re, sys, time
import onnxruntime, prunepack
path, sparse = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
began = time.perf_counter()
session = prunepack.open_session(path, session_options=options, sparse=sparse,
                                 providers=["CPUExecutionProvider"])
print(time.perf_counter() - began)
print(re.search(r"VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
print(re.search(r"VmRSS:\\s*([0-9]+) kB", open("/proc/self/status").read())[1])
"""


class Effort(NamedTuple):
    """Duration of a comparison.

    Attributes:
        round_seconds: Least time of one way in a round: it runs as often as that takes.
        seconds: Wanted time of all rounds.
        least: Least number of rounds.
        most: Largest number of rounds.
    """

    round_seconds: float = 0.05
    seconds: float = 5.0
    least: int = 7
    most: int = 21


def open_kind(path: Path, kind: Literal["off", "auto"], threads: int) -> Any:
    """Return a session of a file that is dense (``off``) or has sparse kernels (``auto``)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return open_session(path, session_options=options, sparse=kind, providers=CPU)


def open_pair(path: Path) -> dict[str, Any]:
    """Return the sessions of a file on one thread, by ``dense`` and ``sparse``."""
    return {"dense": open_kind(path, "off", 1), "sparse": open_kind(path, "auto", 1)}


def measure_ways(ways: Mapping[str, Callable[[int], object]], effort: Effort) -> dict[str, Any]:
    """Compare ways to run one batch, which alternate round by round.

    A load on the machine slows all of them alike.

    Args:
        ways: Functions that run the batch as often as told, one of them ``dense``.
        effort: How long it takes.

    Returns:
        Median milliseconds of each way, the number of rounds, and under ``speedup`` the ratio of
        ``dense`` to each other way with its 95 % interval.
    """
    repeats = {name: _count_repeats(run, effort.round_seconds) for name, run in ways.items()}
    rounds = {name: _repeat(run, repeats[name]) for name, run in ways.items()}
    began = time.perf_counter()
    for run in rounds.values():
        run()
    wanted = int(effort.seconds / (time.perf_counter() - began))
    count = max(effort.least, min(effort.most, wanted))
    taken = time_interleaved(rounds, count)
    each = {name: seconds / repeats[name] for name, seconds in taken.items()}
    return {
        "rounds": count,
        "ms": {name: round(float(np.median(seconds)) * 1e3, 3) for name, seconds in each.items()},
        "speedup": {
            name: compare_seconds(each["dense"], seconds)
            for name, seconds in each.items()
            if name != "dense"
        },
    }


def _count_repeats(run: Callable[[int], object], seconds: float) -> int:
    run(1)
    began = time.perf_counter()
    run(1)
    return max(1, int(seconds / (time.perf_counter() - began)))


def _repeat(run: Callable[[int], object], count: int) -> Callable[[], object]:
    return lambda: run(count)


def summarise_sparse(
    sessions: Mapping[str, Any], feed: Mapping[str, Any]
) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Return the dense output, the error of the sparse one, and the number of sparse layers.

    The error is the largest difference, in times of the largest output.
    """
    dense, sparse = (sessions[kind].run(None, feed)[0] for kind in ("dense", "sparse"))
    layers = list_sparse_layers(sessions["sparse"])
    return dense, {
        "error": find_error(dense, sparse),
        "sparse_layers": sum(layer.is_sparse for layer in layers),
        "layers": len(layers),
    }


def find_error(expected: np.ndarray[Any, Any], actual: np.ndarray[Any, Any]) -> float:
    """Return the largest difference of two outputs, in times of the largest expected value."""
    return float(np.abs(expected - actual).max() / np.abs(expected).max())


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
