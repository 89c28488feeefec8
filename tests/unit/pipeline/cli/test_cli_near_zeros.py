"""``pack``, ``inspect`` and ``diff`` tell that pruned weights are -0.0 or denormal."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

import prunepack
from prunepack.pipeline import cli

GENERATOR = np.random.default_rng(0)
WEIGHTS = GENERATOR.normal(size=(64, 64)).astype(np.float32)
MASK = np.abs(WEIGHTS) > 1.64
KINDS = {
    "-0.0": WEIGHTS * MASK,
    "denormal": np.where(MASK, WEIGHTS, WEIGHTS * np.float32(1e-40)),
    "-0.0 ": WEIGHTS.astype(np.float16) * MASK,
}
"""Pruned weights whose zeros are not stored as zeros."""


def run(*arguments):
    return cli.prunepack.main([str(a) for a in arguments], standalone_mode=False)


def save(path, weights):
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(weights, "w")])
    onnx.save_model(helper.make_model(graph), path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_pack_tells(kind, tmp_path, capsys):
    model = save(tmp_path / "m.onnx", KINDS[kind])
    run("pack", model, "-o", tmp_path / "m", "--json")
    said = capsys.readouterr()
    count = np.count_nonzero(KINDS[kind].view(f"u{KINDS[kind].itemsize}") != 0) - MASK.sum()
    assert f"note: {count:,} of 4,096 elements are {kind.strip()}, which an artifact" in said.err
    facts = json.loads(said.out)
    name = "denormals" if kind == "denormal" else "negative_zeros"
    assert (facts["elements"], facts[name]) == (4096, count)
    canonical = KINDS[kind].copy()
    canonical[~MASK] = 0
    run("pack", save(tmp_path / "zeros.onnx", canonical), "-o", tmp_path / "zeros", "--json")
    said = capsys.readouterr()
    assert "note" not in said.err
    assert json.loads(said.out)["artifact_bytes"] < facts["artifact_bytes"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["onnx", "artifact", "safetensors"])
def test_inspect_tells(form, kind, tmp_path, capsys):
    path = tmp_path / "m.safetensors"
    if form == "safetensors":
        save_file({"w": KINDS[kind]}, path)
    else:
        path = save(tmp_path / "m.onnx", KINDS[kind])
    if form == "artifact":
        prunepack.pack(path, tmp_path / "m.prunepack")
        path = tmp_path / "m.prunepack"
    run("inspect", path)
    assert f" of 4,096 elements are {kind.strip()}, which an artifact" in capsys.readouterr().out
    run("inspect", path, "--json")
    row = json.loads(capsys.readouterr().out)["tensors"][0]
    assert (row["negative_zeros"] > 0) == (kind != "denormal")
    assert (row["denormals"] > 0) == (kind == "denormal")


@pytest.mark.parametrize("kind", KINDS)
def test_diff_tells_which_side(kind, tmp_path, capsys):
    canonical = KINDS[kind].copy()
    canonical[~MASK] = 0
    zeros, others = save(tmp_path / "a.onnx", canonical), save(tmp_path / "b.onnx", KINDS[kind])
    assert run("diff", zeros, others) == 1
    after = capsys.readouterr().out
    assert run("diff", others, zeros) == 1
    before = capsys.readouterr().out
    assert f"elements are {kind.strip()}, which" in after.partition("Changed tensors after: ")[2]
    assert f"elements are {kind.strip()}, which" in before.partition("Changed tensors before: ")[2]
    assert "Changed tensors before" not in after
    assert "Changed tensors after" not in before


def test_a_quick_look_does_not_count(tmp_path, capsys):
    prunepack.pack(save(tmp_path / "m.onnx", KINDS["-0.0"]), tmp_path / "m")
    run("inspect", tmp_path / "m", "--quick", "--json")
    row = json.loads(capsys.readouterr().out)["tensors"][0]
    assert (row["negative_zeros"], row["denormals"]) == (None, None)
