"""Benchmark of repeated measurements: latency of the same files, each time in a new process.

The interval of a latency ratio should cover what another process would measure. Each process opens
and times the dense ONNX file and the artifact as ``prunepack measure`` does, and prints the
logarithm of the ratio in each round. ``tables/repeated.py`` evaluates the rounds.

``python -m benchmarks.repeated --child DENSE ARTIFACT FEED`` is such a process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import read_result, write_result
from prunepack.stages.profiling.ratio import summarize_rounds
from prunepack.stages.profiling.timing import Plan, time_side_by_side
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_artifact_session, open_onnx_session

MODELS = ("lenet", "lenet300", "crepe_tiny")
"""Names in ``benchmarks.models``."""

RUN, OPENING = "run", "opening"


def time_once(dense: Path, artifact: Path, feed: Path) -> dict[str, list[float]]:
    """Measure both files as ``prunepack measure`` does; return the rounds of each kind of time."""
    openers = (
        partial(open_onnx_session, dense, [CPU]),
        partial(open_artifact_session, artifact, [CPU]),
    )
    for opener in openers:  # the stage opens both before it times them
        opener()
    timed = time_side_by_side(*openers, {1: np.load(feed)}, Plan())
    times = {RUN: timed.runs[1], OPENING: timed.opening}
    return {kind: summarize_rounds(each).tolist() for kind, each in times.items()}


def measure(name: str, count: int) -> dict[str, list[list[float]]]:
    """Measure a model in ``count`` processes; return the rounds of each, by kind of time."""
    from benchmarks.models import onnx_model
    from benchmarks.session import save_feed
    from prunepack import pack

    dense, pruned = onnx_model(name, 0), onnx_model(name)
    with tempfile.TemporaryDirectory() as folder:
        artifact, feed = Path(folder, "model.prunepack"), Path(folder, "feed.npz")
        pack(pruned, artifact)
        save_feed(dense, feed)
        paths = [str(path) for path in (dense, artifact, feed)]
        command = [sys.executable, "-m", "benchmarks.repeated", "--child", *paths]
        processes = []
        for _ in range(count):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            processes.append(json.loads(done.stdout))
    return {kind: [each[kind] for each in processes] for kind in (RUN, OPENING)}


def main() -> None:
    """Measure, and add the models to ``results/repeated.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=15, help="number of processes per model")
    parser.add_argument("--models", nargs="*", default=MODELS, help="names in benchmarks.models")
    parser.add_argument("--child", nargs=3, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(time_once(*options.child)))
        return
    for name in options.models:
        known = _read_known()
        found = known.get("models", {}) | {name: measure(name, options.processes)}
        write_result("repeated", {"host": host_name(), "models": found})


def _read_known() -> dict[str, Any]:
    try:
        return read_result("repeated")
    except FileNotFoundError:
        return {}


if __name__ == "__main__":
    main()
