"""Benchmark of session starts: time and memory from a file to the first inference.

Each start is a process of its own that imports its packages, opens its file and runs the model
once; the files are in the page cache. Starts on the artifact and on the plain ONNX file alternate,
in an order that changes from pair to pair, so that a load on the machine slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import onnx_model
from benchmarks.results import write_result
from prunepack import pack
from prunepack.stages.runtime.host import host_name

MODELS = ("lenet", "minilm", "crepe_full")
WAYS = ("plain", "optimised", "instant")
RESAMPLES = 10_000

CHILD = """
import sys, time
began = time.perf_counter()
way, path, feed = sys.argv[1:]
cpu = ["CPUExecutionProvider"]
if way == "plain":
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=cpu)
else:
    import prunepack
    session = prunepack.open_session(path, providers=cpu, start=way)
opened = time.perf_counter()
import numpy
outputs = session.run(None, dict(numpy.load(feed)))
done = time.perf_counter()
import hashlib, json, re
digest = hashlib.sha256(b"".join(output.tobytes() for output in outputs)).hexdigest()
status = open("/proc/self/status").read()
peak = int(re.search("VmHWM:\\s*([0-9]+) kB", status)[1]) * 1024
print(json.dumps({"open": opened - began, "total": done - began, "peak": peak, "digest": digest}))
"""


def start_process(way: str, path: Path, feed: Path, cache: Path) -> dict[str, Any]:
    """Start a process that opens ``path`` and infers once; return its own measurements.

    ``cache`` keeps the compiled modules: all starts but the first find them there, as with an
    installed package.

    Returns:
        Seconds until the session was open and until the first result, from the first line of the
        program on; peak resident memory of the program alone, in bytes (the ``ru_maxrss`` of a
        process begins at that of its parent); SHA-256 of the outputs.
    """
    command = [sys.executable, "-c", CHILD, way, str(path), str(feed)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    account: dict[str, Any] = json.loads(done.stdout)
    return account


def save_feed(model: Path, target: Path) -> None:
    """Write ones for each input of ``model``; the size of a dynamic axis is 1."""
    import onnxruntime

    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed: dict[str, Any] = {}
    for node in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in node.shape]
        feed[node.name] = np.ones(shape, types[node.type])
    np.savez(target, **feed)


def measure(name: str, pairs: int) -> dict[str, Any]:
    """Alternate all ways to start a model; return medians, and ratios to the plain file."""
    plain = onnx_model(name)
    starts: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        artifact, feed = Path(folder, "model.prunepack"), Path(folder, "feed.npz")
        pack(plain, artifact)
        save_feed(plain, feed)
        for turn in range(-1, pairs):  # the first turn fills the caches
            for way in WAYS[turn % 3 :] + WAYS[: turn % 3]:
                path = plain if way == "plain" else artifact
                account = start_process(way, path, feed, Path(folder, "compiled"))
                if turn >= 0:
                    starts[way].append(account)
        sizes = {"plain_bytes": plain.stat().st_size, "artifact_bytes": artifact.stat().st_size}
    return sizes | {way: _summarize(starts[way], starts["plain"]) for way in WAYS}


def _summarize(ours: list[dict[str, Any]], plain: list[dict[str, Any]]) -> dict[str, Any]:
    ratios = [a["total"] / b["total"] for a, b in zip(ours, plain, strict=True)]
    low, high = bootstrap_interval(ratios)
    peak, plain_peak = (statistics.median(s["peak"] for s in starts) for starts in (ours, plain))
    return {
        "starts": len(ours),
        "open_seconds": round(statistics.median(s["open"] for s in ours), 4),
        "first_result_seconds": round(statistics.median(s["total"] for s in ours), 4),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_interval": [round(low, 3), round(high, 3)],
        "peak_bytes": int(peak),
        "peak_ratio": round(peak / plain_peak, 3),
        "same_outputs": {s["digest"] for s in ours} == {s["digest"] for s in plain},
    }


def bootstrap_interval(ratios: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    draws = np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Measure, and write ``results/session.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--pairs", type=int, default=21, help="number of starts of each kind and model"
    )
    parser.add_argument("--models", nargs="*", default=MODELS, help="names in benchmarks.models")
    options = parser.parse_args()
    models = {name: measure(name, options.pairs) for name in options.models}
    write_result("session", {"host": host_name(), "models": models})


if __name__ == "__main__":
    main()
