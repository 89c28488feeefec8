"""Error rate of the verdict on latency, while a second process keeps the machine busy.

Half of the comparisons are of a model with itself, and none of them should say slower or faster.
The others are with a model that does 15 % more: more of the same layers, since each takes the same
time and a session takes a little extra. Both kinds alternate, and so do the loads: a second process
that always works, and one that works in bursts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.results import write_result
from prunepack.stages.metrics.intervals import RESAMPLES
from prunepack.stages.profiling.ratio import Ratio, compare_times
from prunepack.stages.profiling.timing import Plan, time_side_by_side
from prunepack.stages.runtime.host import host_name
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

ROOT = Path(__file__).parents[1]
WIDTH, BATCH = 128, 32
LAYERS = {"same": 44, "slower": 51}
"""A session takes the time of its layers and of 2.5 more: (51 + 2.5) / (44 + 2.5) = 1.15."""

LOADS = ("steady", "bursts")


def write_model(path: Path, layers: int) -> Path:
    """Write a stack of ``layers`` MatMul and Relu nodes with an input of shape (n, WIDTH)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    nodes, weights = [], []
    for at in range(layers):
        weight = generator.normal(0, (2 / WIDTH) ** 0.5, (WIDTH, WIDTH)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{at}"))
        nodes.append(helper.make_node("MatMul", [f"x{at}", f"w{at}"], [f"y{at}"]))
        nodes.append(helper.make_node("Relu", [f"y{at}"], [f"x{at + 1}"]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH])
        for name in ("x0", f"x{layers}")
    ]
    graph = helper.make_graph(nodes, "stack", ends[:1], ends[1:], weights)
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


@contextmanager
def keep_busy(load: str) -> Iterator[None]:
    """Keep a second process busy while the block runs."""
    command = [sys.executable, "-m", "benchmarks.busy", load]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def judge_single_pairs(times: npt.NDArray[np.float64], seed: int) -> str:
    """Return the verdict by single pairs, as if they were independent."""
    pairs = times.reshape(-1, 2)
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    medians = np.array([np.median(pairs[index], axis=0) for index in drawn])
    low, high = np.quantile(medians[:, 1] / medians[:, 0], (0.025, 0.975))
    return "slower" if low > 1 else "faster" if high < 1 else "undecided"


def measure(folder: Path, comparisons: int) -> dict[str, dict[str, Any]]:
    """Make the comparisons of each kind; return the counts of the verdicts."""
    models = {kind: write_model(folder / f"{kind}.onnx", n) for kind, n in LAYERS.items()}
    openers = {kind: partial(open_onnx_session, path, [CPU]) for kind, path in models.items()}
    inputs = np.random.default_rng(0).standard_normal((BATCH, WIDTH), np.float32)
    found: dict[str, list[Ratio]] = {kind: [] for kind in LAYERS}
    naive: dict[str, Counter[str]] = {kind: Counter() for kind in LAYERS}
    for number in range(comparisons):
        with keep_busy(LOADS[number % len(LOADS)]):
            for kind, opener in openers.items():
                plan = Plan(seed=number)
                timed = time_side_by_side(openers["same"], opener, {BATCH: {"x0": inputs}}, plan)
                found[kind].append(compare_times(timed.runs[BATCH]))
                naive[kind][judge_single_pairs(timed.runs[BATCH], number)] += 1
        said = ", ".join(f"{kind}: {ratios[-1].verdict}" for kind, ratios in found.items())
        print(f"{number + 1} of {comparisons}, {said}", file=sys.stderr)
    return {kind: _summarize(found[kind], naive[kind]) for kind in LAYERS}


def _summarize(found: list[Ratio], naive: Counter[str]) -> dict[str, Any]:
    words = Counter(one.verdict for one in found)
    widths = [(one.high - one.low) / 2 for one in found]
    return {
        "comparisons": len(found),
        **{word: words[word] for word in ("slower", "faster", "undecided")},
        "single_pairs_slower": naive["slower"],
        "single_pairs_faster": naive["faster"],
        "median_ratio": round(statistics.median(one.value for one in found), 4),
        "median_half_width": round(statistics.median(widths), 4),
        "most_half_width": round(max(widths), 4),
    }


def main() -> None:
    """Measure, and write ``results/latency.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--comparisons", type=int, default=50, help="number of comparisons of each kind"
    )
    comparisons = parser.parse_args().comparisons
    began, before = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), comparisons)
    seconds = (time.monotonic() - began) / (2 * comparisons)
    about = {
        "host": host_name(),
        "load_average": {"before": round(before, 1), "after": round(os.getloadavg()[0], 1)},
        "seconds_per_comparison": round(seconds, 2),
    }
    write_result("latency", about | result)


if __name__ == "__main__":
    main()
