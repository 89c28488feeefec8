"""Every planted fault is caught, and its message says what it is; honest releases pass."""

import json
import shutil
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.faults.catalog import FAULTS, find_message, run_fault
from tests.faults.commands import run, run_all
from tests.faults.lab import LOADED, copy_of, lab, released


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
def test_it_is_caught(fault, tmp_path):
    outcome = run_fault(fault, tmp_path)
    assert outcome.code == fault.code, outcome.text
    assert find_message(fault, outcome) is not None, outcome.text


def test_no_two_are_the_same():
    assert [name for name, count in Counter(one.name for one in FAULTS).items() if count > 1] == []
    assert {one.kind for one in FAULTS} == {
        *("artifact", "data", "export", "model", "report", "runtime"),
    }


@pytest.mark.parametrize("model", LOADED)
def test_nothing_planted_and_nothing_caught(model, tmp_path):
    """The same commands, on the same copies, pass without a fault."""
    release = copy_of(model, tmp_path)
    outcome = run_all([*release.checks(), release.judge(), *release.judge_all()])
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    "options",
    [
        ("--limits", "sparsity.layer.* >= baseline"),
        ("--limits", "size.artifact <= 1.01 x baseline"),
        ("--limits", "graph.opset <= 30", "--limits", "accuracy.drop <= 5"),
        ("--artifact", "report/model.prunepack"),
    ],
)
def test_an_honest_release_is_within_such_limits(options, tmp_path, monkeypatch):
    release = copy_of("lenet", tmp_path)
    monkeypatch.chdir(release.folder)
    earlier = shutil.copy(release / "report/report.json", release / "earlier.json")
    outcome = run(release.judge("--baseline", str(earlier), *options))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.onnx_pair is not None], ids=lambda one: one.name
)
def test_a_pair_of_files_differs_in_the_faulty_one_alone(fault, tmp_path):
    right, wrong = fault.onnx_pair(tmp_path)
    session = onnxruntime.InferenceSession(right, providers=["CPUExecutionProvider"])
    with np.load(tmp_path / "inputs.npz") as samples:
        outputs = session.run(None, dict(samples))
    assert all(np.isfinite(one).all() for one in outputs)
    assert _content(right) != _content(wrong)


def _content(model):
    return {file.name: file.read_bytes() for file in model.parent.glob(f"{model.name}*")}


def test_the_models_of_the_faults_are_exported_as_they_are_described():
    """Check the features that faults change: folded BatchNorm, a square matrix, several inputs."""
    graphs = {name: onnx.load(released(name).model).graph for name in LOADED}
    operators = {name: {node.op_type for node in graph.node} for name, graph in graphs.items()}
    assert "BatchNormalization" not in operators["heads"]
    assert {"Gelu", "LayerNormalization", "Softmax"} <= operators["heads"]
    assert [len(graph.input) for graph in graphs.values()] == [1, 1, 4, 1]
    assert [len(graph.output) for graph in graphs.values()] == [1, 2, 2, 1]
    report = json.loads((released("lenet") / "report/report.json").read_bytes())
    assert report["metrics"]["accuracy.samples"]["value"] == 300
    assert (lab() / "digits.npz").exists()
