"""The benchmark of the verdict on latency: its models, its neighbour, and what it makes of both."""

import os
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks import latency
from benchmarks.tables import latency as latency_table
from prunepack.stages.runtime.session_options import CPU
from prunepack.stages.runtime.sessions import open_onnx_session


@pytest.mark.parametrize("layers", [1, 7])
def test_a_model_of_so_many_layers(tmp_path, layers):
    path = latency.write_model(tmp_path / "model.onnx", layers)
    nodes = [node.op_type for node in onnx.load(path).graph.node]
    assert nodes == ["MatMul", "Relu"] * layers
    random = np.random.default_rng(1).standard_normal((3, latency.WIDTH), np.float32)
    (out,) = open_onnx_session(path, [CPU]).run(None, {"x0": random})
    assert out.shape == random.shape
    assert 0.01 < out.std() < 100, "neither dies out nor overflows"


def test_fifteen_percent_more_work():
    beside = 2.5
    more = (latency.LAYERS["slower"] + beside) / (latency.LAYERS["same"] + beside)
    assert more == pytest.approx(1.15, abs=0.002)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
@pytest.mark.parametrize("load", latency.LOADS)
def test_the_neighbour_works_and_is_gone_afterwards(load):
    with latency.keep_busy(load):
        (child,) = [one for one in children() if used(one) is not None]
        before, until = used(child), time.monotonic() + 300
        while used(child) < before + 5 and time.monotonic() < until:
            time.sleep(0.05)
        assert used(child) >= before + 5, "it has used the processor"
    assert used(child) is None


def children():
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and "benchmarks.busy" in command:
            yield int(path.parent.name)


def used(process):
    """Return the clock ticks that a process has had; None if the process has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(("ratio", "word"), [(1.3, "slower"), (0.7, "faster"), (1, "undecided")])
def test_single_pairs(ratio, word):
    times = np.random.default_rng(0).lognormal(0, 0.1, (6, 2, 13, 2, 2))
    assert latency.judge_single_pairs(times * np.array([1, ratio]), 0) == word


def test_the_table(monkeypatch):
    one = {
        "comparisons": 50,
        "slower": 1,
        "faster": 2,
        "undecided": 47,
        "single_pairs_slower": 8,
        "single_pairs_faster": 9,
        "median_ratio": 1.0004,
        "median_half_width": 0.0112,
        "most_half_width": 0.05,
    }
    about = {
        "host": "Abacus, 2 cores",
        "load_average": {"before": 0.4, "after": 2.0},
        "seconds_per_comparison": 1.26,
    }
    result = about | {"same": one, "slower": one | {"median_ratio": 1.15}}
    monkeypatch.setattr(latency_table, "read_result", {"latency": result}.__getitem__)
    lines = latency_table.latency_table().splitlines()
    assert lines[2] == (
        "| the same model twice | 1.000 ± 0.011 | 1 of 50 | 2 of 50 | 47 of 50 | ≤ 5 % slower "
        "| 17 of 50 |"
    )
    assert lines[3].startswith("| a model that does 15 % more | 1.150 ± 0.011 | 1 of 50 |")
    assert lines[-1] == (
        "Measured on Abacus, 2 cores, 1.3 s for a comparison, "
        "load average 0.4 before and 2.0 after."
    )


@pytest.mark.slow
def test_the_verdict_is_seldom_wrong_beside_a_busy_process(tmp_path):
    found = latency.measure(tmp_path, 20)
    assert found["same"]["slower"] <= 1
    assert found["slower"]["slower"] >= 19
    assert found["slower"]["faster"] == 0
    assert found["slower"]["median_ratio"] == pytest.approx(1.15, abs=0.03)
