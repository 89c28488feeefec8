"""Real output of other tools becomes a verdict; their environments are made once."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks import peer_environments, peers
from benchmarks.peer_checks.polygraphy_inputs import load_data
from benchmarks.peer_environments import make_environment
from benchmarks.peer_runs import run_tool
from benchmarks.peer_tools import PEERS, Peer
from benchmarks.peer_verdicts import ToolRun, find_message, judge_runs
from benchmarks.peers import add_real_samples, has_same_outputs, judge_tool, read_version
from benchmarks.tables import peers as peers_table
from prunepack.errors import UsageError
from tests.unit.stages import small_graphs as small

LOGS = Path(__file__).with_name("peer_logs")

FAILED = "FAILED | simple"

REAL = [
    ("Polygraphy", "polygraphy_nan", "caught", f"{FAILED} | Mismatched outputs: ['output_1']"),
    ("Polygraphy", "polygraphy_renamed", "missed", "Output names did not match exactly"),
    ("Optimum, command", "optimum_nan", "missed", "- output_1: max diff = nan."),
    ("Optimum, call", "optimum_nan", "caught", "- output_1: max diff = nan."),
    ("onnxslim", "onnxslim_nan", "caught", "Model output output_1 mismatch after slimming."),
    ("Olive", "olive_nan", "missed", ""),
    ("Olive", "olive_nudged", "caught", "- Max absolute error 0.001000 exceeds threshold 0.000010"),
]
"""Tool, what it printed and left when shown a fault, the verdict, and the line that tells."""


def captured(name):
    return ToolRun(**json.loads((LOGS / f"{name}.json").read_text()))


@pytest.mark.parametrize(("tool", "name", "expected", "line"), REAL)
def test_real_output_becomes_a_verdict(tool, name, expected, line):
    peer, faulty = PEERS[tool], captured(name)
    same = captured(f"{name.split('_')[0]}_same")
    assert judge_runs(same, faulty, peer.writes) == expected
    assert find_message(faulty.log, peer.telling) == line


@pytest.mark.parametrize("tool", PEERS)
def test_the_right_model_beside_itself_is_missed_and_told_nothing_of(tool):
    peer = PEERS[tool]
    same = captured(f"{peer.environment}_same")
    assert judge_runs(same, same, peer.writes) == "missed"
    assert find_message(same.log, peer.telling) == ""


def test_a_tool_that_fails_the_right_model_says_nothing_of_a_faulty_one():
    fails = ToolRun(1, [], "KeyError: 'batch'")
    assert judge_runs(fails, fails) == "cannot be shown"
    assert judge_runs(ToolRun(0, [], ""), ToolRun(1, [], ""), "out/model.onnx") == "cannot be shown"


def test_colours_are_not_part_of_a_line_and_long_ones_are_cut():
    assert find_message("a\n\x1b[31mbad x\x1b[0m\n", "bad .*") == "bad x"
    assert len(find_message("bad " + "x" * 500, "bad .*")) == 200


def test_folders_are_left_out_of_a_line():
    assert find_message("Error: Load /tmp/a_b/c-1.2/faulty.onnx of 1/2 failed", "Error.*") == (
        "Error: Load faulty.onnx of 1/2 failed"
    )


def counting(folder):
    """Return a tool that notes each of its runs, and fails on files that differ."""

    def commands(here, reference, faulty):
        code = (
            "import pathlib, sys; a, b, log = map(pathlib.Path, sys.argv[1:]);"
            "log.open('a').write('x'); pathlib.Path('out').mkdir();"
            "pathlib.Path('out/model.onnx').touch(); assert pathlib.Path('inputs.npz').exists();"
            "sys.exit(a.read_bytes() != b.read_bytes())"
        )
        return [[sys.executable, "-c", code, str(reference), str(faulty), str(folder / "log")]]

    return Peer("none", "none", "none", commands, "x", "out/model.onnx")


@pytest.fixture
def pair(tmp_path):
    right, wrong = tmp_path / "reference.onnx", tmp_path / "faulty.onnx"
    model = small.residual()
    right.write_bytes(model.SerializeToString())
    model.graph.node[-1].attribute[0].i = 0
    wrong.write_bytes(model.SerializeToString())
    np.savez(tmp_path / "inputs.npz", x=np.ones((2, 4, 6, 6), np.float32))
    return tmp_path / "inputs.npz", right, wrong


def test_the_outcome_of_a_tool_is_cached_by_the_content_of_the_files(tmp_path, pair):
    here, peer = tmp_path / "environment/bin", counting(tmp_path)
    here.mkdir(parents=True)
    inputs, right, wrong = pair
    first = run_tool(peer, here, inputs, right, wrong)
    assert (first.code, first.files) == (1, ["out/model.onnx"])
    assert run_tool(peer, here, inputs, right, right).code == 0
    assert run_tool(peer, here, inputs, right, wrong) == first
    assert (tmp_path / "log").read_text() == "xx"
    wrong.with_name("faulty.onnx.data").write_bytes(b"weights")
    run_tool(peer, here, inputs, right, wrong)
    assert (tmp_path / "log").read_text() == "xxx"


def test_a_tool_that_is_not_installed_cannot_be_shown_a_fault(pair):
    row = judge_tool("Olive", "pip could not install olive", pair)
    assert row == {"verdict": "cannot be shown", "says": "pip could not install olive"}


def test_a_row_has_the_exit_code_of_a_command_and_none_of_a_call(tmp_path, pair, monkeypatch):
    here = tmp_path / "environment/bin"
    here.mkdir(parents=True)
    monkeypatch.setitem(PEERS, "counting", counting(tmp_path))
    row = judge_tool("counting", here, pair)
    assert (row["verdict"], row["exit_code"]) == ("caught", 1)


def test_files_that_agree_on_the_inputs(pair, tmp_path):
    inputs, right, wrong = pair
    assert has_same_outputs((inputs, right, right))
    assert not has_same_outputs((inputs, right, wrong))
    renamed = onnx.load(right)
    renamed.graph.output[0].name = renamed.graph.node[-1].output[0] = "scores"
    wrong.write_bytes(renamed.SerializeToString())
    assert not has_same_outputs((inputs, right, wrong))
    fixed = onnx.load(right)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    wrong.write_bytes(fixed.SerializeToString())
    assert not has_same_outputs((inputs, right, wrong))
    wrong.write_bytes(b"no model")
    assert not has_same_outputs((inputs, right, wrong))


def test_real_digits_are_added_where_they_fit(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    monkeypatch.setattr(peers, "lab", lambda: tmp_path / "lab")
    np.savez(tmp_path / "lab/digits.npz", images=np.ones((3, 1, 5, 5), np.float32))
    np.savez(tmp_path / "inputs.npz", a=np.zeros((2, 1, 5, 5), np.float32), b=np.zeros((2, 7)))
    with np.load(add_real_samples(tmp_path)) as found:
        assert found["a"].shape == (5, 1, 5, 5)
        assert found["a"].mean((1, 2, 3)).tolist() == [0, 0, 1, 1, 1]
        assert found["b"].shape == (2, 7)


def test_polygraphy_gets_the_one_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("inputs.npz", a=np.arange(3))
    (batch,) = load_data()
    assert batch["a"].tolist() == [0, 1, 2]


@pytest.fixture
def packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNEPACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(peer_environments, "REQUIREMENTS", tmp_path)
    return (tmp_path / "tool.txt").write_text


def test_an_environment_is_made_once(packages):
    packages("# nothing\n")
    here = make_environment("tool")
    (here / "left").touch()
    assert (make_environment("tool") / "left").exists()
    packages("# nothing, in other words\n")
    assert not (make_environment("tool") / "left").exists()


def test_an_environment_that_cannot_be_made(packages):
    packages("no-such-package-as-this==1.0\n")
    with pytest.raises(UsageError) as caught:
        make_environment("tool")
    assert "pip could not install `tool`" in str(caught.value)
    assert "expected every package in tool.txt" in str(caught.value)
    assert "no-such-package-as-this==1.0" in str(caught.value)
    assert "Check the network" in str(caught.value)


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_every_package_is_pinned(peer):
    lines = (peer_environments.REQUIREMENTS / f"{peer.environment}.txt").read_text().splitlines()
    assert all("==" in line for line in lines)
    assert read_version(peer)[0].isdigit()


def test_the_table(monkeypatch):
    def rows(**verdicts):
        return {"fault": "NaN", "shows": True, "tools": verdicts}

    caught = {"verdict": "caught", "exit_code": 1, "says": "FAILED"}
    by_file = {"verdict": "caught", "exit_code": 0, "says": "mismatch"}
    logged = {"verdict": "missed", "exit_code": 0, "says": "warning"}
    missed = {"verdict": "missed", "exit_code": 0, "says": ""}
    absent = {"verdict": "cannot be shown", "says": "no"}
    tool = {"package": "tool 1", "how": "tool A B", "note": "as it is"}
    result = {
        "tools": {"one": tool, "other": tool},
        "faults": [
            rows(one=caught, other=by_file),
            {**rows(one=logged, other=absent), "fault": "rare", "shows": False},
            {**rows(one=missed, other=missed), "fault": "late"},
        ],
    }
    ours = {
        "faults": [
            {"fault": "NaN", "caught": True},
            {"fault": "rare", "caught": True},
            {"fault": "late", "caught": False},
            {"fault": "no pair", "caught": True},
        ]
    }
    monkeypatch.setattr(
        peers_table, "read_result", lambda name: {"peers": result, "faults": ours}[name]
    )
    lines = peers_table.peers_table().splitlines()
    assert lines[:6] == [
        "| fault | prunepack | one | other |",
        "|---|---|---|---|",
        "| NaN | caught | caught | caught, exit code 0 |",
        "| rare † | caught | **missed**, logged | – |",
        "| late | **missed** | **missed** | **missed** |",
        "| **caught** | 2 of 3 | 1 of 3 | 1 of 2 |",
    ]
    assert lines[7] == "Every fault that differs between two ONNX files, 3 of 4."
    assert lines[-1] == "| other | tool 1 | `tool A B` | as it is |"
