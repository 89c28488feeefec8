"""Benchmark of ``prunepack bisect``: faults at random depths, right nodes, time.

Each run of the command is a process of its own. There are two kinds of pairs: two ONNX files, where
a difference of one bit counts, and the torch checkpoint and a file, with the tolerance of verify. A
fault that does not change the outputs by more than that is replaced by another one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.graph_faults import KINDS, plant
from benchmarks.models import MODELS, onnx_model
from benchmarks.results import read_result, write_result
from prunepack.stages.bisection.inputs import draw_inputs
from prunepack.stages.bisection.onnx_program import OnnxProgram
from prunepack.stages.comparison.error import compare_tensors
from prunepack.stages.load import load
from prunepack.stages.runtime.host import host_name

COMMAND = [str(Path(sys.executable).with_name("prunepack")), "bisect"]
CHOSEN = ("efficientnet_lite0", "minilm")
VISIBLE = {"onnx": 0.0, "torch": 2e-4}
"""Smallest error of the outputs: any for two files, twice the tolerance for torch."""


def measure_effect(right: Path, wrong: Path) -> float:
    """Return the tolerance that the outputs of two models need on the same inputs."""
    one, other = (OnnxProgram.open(path, str(path)) for path in (right, wrong))
    inputs = draw_inputs(one.graph, other.graph, 2, 0)
    outputs = (program.compute(program.graph.outputs, inputs) for program in (one, other))
    mine, theirs = outputs
    return max(compare_tensors(mine[name], theirs[name]).tolerance for name in mine)


def plant_visible_fault(
    source: Path, wrong: Path, number: int, visible: float
) -> tuple[str, str, int]:
    """Write a faulty copy of ``source``; return the kind of fault, its node and its depth."""
    import onnx

    kinds = list(KINDS)
    for attempt in range(100):
        generator = np.random.default_rng([number, attempt])
        kind = kinds[(number + attempt) % len(kinds)]
        model = onnx.load(source)
        node = plant(kind, model, generator)
        if node is None:
            continue
        wrong.write_bytes(model.SerializeToString())
        if measure_effect(source, wrong) > visible:
            names = [one.name or one.output[0] for one in model.graph.node]
            return kind, node, names.index(node)
    sys.exit(f"no fault changes the outputs of `{source}`")


def run_bisect(a: Path, b: Path) -> tuple[dict[str, Any], float]:
    """Run the command; return its result and its seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [*COMMAND, str(a), str(b), "--json"], check=False, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if done.returncode not in {0, 1}:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, seconds


def measure_fault(name: str, pair: str, number: int, folder: Path) -> dict[str, Any]:
    """Plant fault ``number`` in the model ``name``, search for it, and return the row."""
    right, wrong = onnx_model(name, 0.0), folder / "wrong.onnx"
    kind, node, depth = plant_visible_fault(right, wrong, number, VISIBLE[pair])
    a = right if pair == "onnx" else make_checkpoint(name, folder)
    found, seconds = run_bisect(a, wrong)
    place = found["divergence"] or {"counterpart": "nothing", "module": ""}
    return {
        "kind": kind,
        "node": node,
        "depth": depth,
        "nodes": found["nodes"],
        "found": place["counterpart"],
        "module": place["module"],
        "hit": place["counterpart"] == node,
        "runs": found["runs"],
        "seconds": round(seconds, 2),
    }


def make_checkpoint(name: str, folder: Path) -> Path:
    """Return the folder of the trained model that ``onnx_model`` exports."""
    path = folder / name
    if not path.exists():
        path.mkdir()
        load.body(MODELS[name], path)
    return path


def main() -> None:
    """Measure, and write ``results/bisect.json`` after each model and pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--faults", type=int, default=20, help="number of faults per model and pair"
    )
    parser.add_argument("--only", choices=CHOSEN, help="one model; other results are kept")
    parser.add_argument("--pair", choices=VISIBLE, help="one pair; other results are kept")
    options = parser.parse_args()
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    if options.only or options.pair:
        with suppress(FileNotFoundError):
            rows = read_result("bisect")["faults"]
    chosen = [(name, pair) for name in CHOSEN for pair in VISIBLE]
    for name, pair in chosen:
        if options.only in {None, name} and options.pair in {None, pair}:
            found = _measure_faults(name, pair, options.faults)
            rows.setdefault(name, {})[pair] = found
            hits = sum(row["hit"] for row in found)
            print(name, pair, hits, "of", options.faults, file=sys.stderr)
            write_result("bisect", {"host": host_name(), "faults": rows})


def _measure_faults(name: str, pair: str, count: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        return [measure_fault(name, pair, number, Path(folder)) for number in range(count)]


if __name__ == "__main__":
    main()
