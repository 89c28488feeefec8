"""docs/how-to/bring-your-own-model.md: its files and its commands work as they stand there."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from prunepack.pipeline.recipe import list_built_in_recipes

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-your-own-model.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line
]


def blocks(kind):
    return [text for found, text in BLOCKS if found == kind]


@pytest.mark.slow
def test_every_command_passes_in_its_order(prunepack, tmp_path):
    names = ("net.py", "pruned.py", "data.py", "small.toml", "trained.toml")
    for name, text in zip(names, [*blocks("python"), *blocks("toml")], strict=True):
        (tmp_path / name).write_text(text)
    build = {}
    exec(blocks("python")[0], build)
    torch.manual_seed(0)
    torch.save(build["build"]().state_dict(), tmp_path / "weights.pth")
    run_script(tmp_path, "pruned.py")
    quick = ("--set", "measure.batch_sizes=[]")
    for line in (line for line in COMMANDS if line.startswith("$ prunepack ")):
        words = shlex.split(line.removeprefix("$ prunepack "))
        done = prunepack(*words, *(quick if words[0] == "run" else ()))
        assert done.code == 0, (line, done.out, done.err)


def run_script(folder, name):
    subprocess.run([sys.executable, name], cwd=folder, check=True)


WHOLE = ("--set", "compact.enabled=false")
"""The weights keep their shapes, to be compared with those of torch."""


def run_pruned(prunepack, tmp_path, name, *settings):
    """Run the command of the page for one way to save the model; return weights and report."""
    line = next(line for line in COMMANDS if line.startswith(f"$ prunepack run {name}.pth"))
    words = shlex.split(line.removeprefix("$ prunepack "))
    done = prunepack(*words, "--set", "measure.batch_sizes=[]", *WHOLE, *settings)
    assert done.code == 0, (done.out, done.err)
    folder = tmp_path / "artifacts" / name
    graph = onnx.load(folder / "model.onnx").graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    report = json.loads((folder / "report.json").read_text())
    return weights, report, done


@pytest.mark.slow
def test_three_ways_to_save_a_pruned_model(prunepack, tmp_path):
    for name, text in zip(("net.py", "pruned.py"), blocks("python"), strict=False):
        (tmp_path / name).write_text(text)
    build = {}
    exec(blocks("python")[0], build)
    torch.manual_seed(0)
    torch.save(build["build"]().state_dict(), tmp_path / "weights.pth")
    run_script(tmp_path, "pruned.py")
    expected = torch.load(tmp_path / "removed.pth", weights_only=True)
    zeros = sum(int((expected[f"{i}.weight"] == 0).sum()) for i in (0, 2))
    total = sum(expected[f"{i}.weight"].numel() for i in (0, 2))

    found = {name: run_pruned(prunepack, tmp_path, name) for name in ("masked", "removed")}
    for weights, report, done in found.values():
        for name, tensor in expected.items():
            assert (weights[name] + 0.0).tobytes() == (tensor + 0.0).numpy().tobytes()
            assert not np.signbit(weights[name][weights[name] == 0]).any()
        assert report["metrics"]["sparsity.weights"]["value"] == pytest.approx(100 * zeros / total)
        notes = " ".join(note["text"] for note in report["notes"])
        assert "not pruned further" in notes
        assert "not trained" in notes
        assert "recipe of this run:\n\n[load]\n" in done.err
    assert "size.ratio" in found["masked"][1]["metrics"]
    assert "size.ratio" not in found["removed"][1]["metrics"]
    _, report, _ = run_pruned(prunepack, tmp_path, "removed", "--set", "load.dense='weights.pth'")
    assert "size.ratio" in report["metrics"]


@pytest.mark.slow
def test_a_whole_model_is_refused_with_the_lines_that_help(prunepack, tmp_path):
    for name, text in zip(("net.py", "pruned.py"), blocks("python"), strict=False):
        (tmp_path / name).write_text(text)
    build = {}
    exec(blocks("python")[0], build)
    torch.manual_seed(0)
    torch.save(build["build"]().state_dict(), tmp_path / "weights.pth")
    run_script(tmp_path, "pruned.py")
    line = ("--model", "net.py:build", "--inputs", "name=x,shape=16")
    done = prunepack("run", "whole.pth", *line)
    assert done.code == 4
    assert blocks("text")[0].strip() in done.err
    (tmp_path / "hint.py").write_text("import torch\n" + "\n".join(done.err.splitlines()[-2:]))
    run_script(tmp_path, "hint.py")
    done = prunepack("run", "whole_state.pth", *line, "--set", "measure.batch_sizes=[]")
    assert done.code == 0


def test_recipes_on_the_page_are_built_in():
    named = [line.split()[2] for line in COMMANDS if line.startswith("prunepack run ")]
    assert named
    assert set(named) <= set(list_built_in_recipes())
