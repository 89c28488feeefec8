"""Benchmark of the LeNet pipeline: time of a first run, of a second run and of help; sizes.

Every command is a process of its own. Runs with nothing to do and ``--help`` alternate, so that a
load on the machine slows both; each first run has a new folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.results import write_result
from prunepack.stages.runtime.host import host_name

COMMAND = [str(Path(sys.executable).with_name("prunepack"))]


def time_command(*arguments: str) -> tuple[float, str]:
    """Run one command; return its seconds and its output on stdout."""
    began = time.perf_counter()
    done = subprocess.run([*COMMAND, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - began, done.stdout


def time_first_runs(root: Path, repeats: int) -> tuple[list[float], dict[str, Any]]:
    """Time ``run lenet`` in new folders; return the seconds and the last run's JSON."""
    seconds, account = [], {}
    for index in range(repeats):
        took, printed = time_command(
            "run", "lenet", "--json", "--artifacts", str(root / str(index))
        )
        seconds.append(took)
        account = json.loads(printed)
    return seconds, account


def time_idle_runs(artifacts: Path, repeats: int) -> tuple[list[float], list[float]]:
    """Time ``run lenet`` with nothing to do, and ``--help``, in turn."""
    idle, helped = [], []
    for _ in range(repeats):
        idle.append(time_command("run", "lenet", "--artifacts", str(artifacts))[0])
        helped.append(time_command("--help")[0])
    return idle, helped


def main() -> None:
    """Measure, and write ``results/pipeline.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--repeats", type=int, default=3, help="number of first runs; idle runs: 5 times as many"
    )
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first, account = time_first_runs(root, repeats)
        artifacts = root / str(repeats - 1)
        report = json.loads((artifacts / "lenet" / "report.json").read_text())
        idle, helped = time_idle_runs(artifacts, 5 * repeats)
    stages: Counter[str] = Counter()
    for one in account["stages"]:
        stages[one["stage"]] += one["seconds"]
    names = ("size.ratio", "size.ratio_zstd19", "accuracy.drop", "sparsity.weights")
    write_result(
        "pipeline",
        {
            "host": host_name(),
            "first_run_seconds": _summarize(first),
            "idle_run_seconds": _summarize(idle),
            "help_seconds": _summarize(helped),
            "stage_seconds": {name: round(seconds, 2) for name, seconds in stages.items()},
            "figures": {name: round(report["metrics"][name]["value"], 3) for name in names},
            "bytes": {
                name: int(report["metrics"][f"size.{name}"]["value"])
                for name in ("dense_onnx", "dense_onnx_zstd19", "artifact")
            },
        },
    )


def _summarize(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(seconds), 3),
        "least": round(min(seconds), 3),
        "most": round(max(seconds), 3),
        "runs": len(seconds),
    }


if __name__ == "__main__":
    main()
