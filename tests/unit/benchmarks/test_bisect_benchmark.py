"""Planted faults change one node, and the table counts what was found."""

import numpy as np
import onnx
import pytest

from benchmarks.graph_faults import KINDS, plant
from benchmarks.tables import bisect as bisect_table
from tests.unit.stages import small_graphs as small


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "square" not in kind])
def test_a_fault_is_in_one_node_or_the_weights_that_it_reads(kind):
    a, b = small.residual(), small.residual()
    named = plant(kind, b, np.random.default_rng(3))
    onnx.checker.check_model(b, full_check=True)
    nodes = [x.name for x, y in zip(a.graph.node, b.graph.node, strict=True) if x != y]
    pairs = zip(a.graph.initializer, b.graph.initializer, strict=True)
    weights = [x.name for x, y in pairs if x != y]
    assert len(nodes) + len(weights) == 1
    node = next(one for one in b.graph.node if one.name == named)
    assert nodes == [named] or weights[0] in node.input


def test_the_same_seed_plants_the_same_fault():
    twins = [small.residual(), small.residual()]
    names = [plant("bias dropped", one, np.random.default_rng(5)) for one in twins]
    assert names[0] == names[1]
    assert twins[0] == twins[1]


def test_a_model_without_such_a_place_is_left_alone():
    made = small.residual()
    assert plant("square matrix transposed", made, np.random.default_rng(0)) is None
    assert made == small.residual()


def test_the_table_counts(monkeypatch):
    rows = [
        {"nodes": 94, "hit": True, "seconds": 2.0, "runs": 11},
        {"nodes": 94, "hit": False, "seconds": 6.04, "runs": 13},
    ]
    result = {"host": "a machine", "faults": {"net": {"onnx": rows, "torch": rows[:1]}}}
    monkeypatch.setattr(bisect_table, "read_result", lambda name: {"bisect": result}[name])
    table = bisect_table.bisect_table().splitlines()
    assert table[2:] == [
        "| net | ONNX and ONNX | 94 | 1 of 2 | 4.0 (6.0) | 13 |",
        "| net | torch and ONNX | 94 | 1 of 1 | 2.0 (2.0) | 11 |",
        "",
        "Measured on a machine.",
    ]
