"""docs/how-to/onnx.md: its recipes, its code and its commands work as they stand there."""

import json
import re
import shlex
from pathlib import Path

import onnx
import onnxruntime
import pytest

from prunepack.pipeline.cli import prunepack
from prunepack.stages.load import LoadConfig
from prunepack.stages.metrics.catalog import find_description
from tests.unit.stages.graphs.models import two_layers

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "onnx.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    shlex.split(line.removeprefix("$ prunepack "))
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]
QUICK = ["--set", "measure.batch_sizes=[]"]


def optimise(source, target):
    """Write the graph that onnxruntime makes of ``source``."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = target
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files of the page in the working folder."""
    monkeypatch.chdir(tmp_path)
    onnx.save(two_layers(), "dense.onnx")
    onnx.save(two_layers(zeros=0.5), "pruned.onnx")
    optimise("dense.onnx", "optimised.onnx")
    recipes = [text for kind, text in BLOCKS if kind == "toml"]
    Path("recipe.toml").write_text(recipes[0])
    Path("pruned.toml").write_text(recipes[1])
    Path("data.py").write_text(next(text for kind, text in BLOCKS if kind == "python"))
    return tmp_path


def test_every_command_runs(folder, capsys):
    assert len(COMMANDS) == 9
    for words in COMMANDS:
        quick = QUICK if words[0] == "run" else []
        code = prunepack.main([*words, *quick], standalone_mode=False)
        assert not code, capsys.readouterr().out
    report = json.loads(Path("artifacts/recipe/report.json").read_text())
    assert report["metrics"]["accuracy.samples"]["value"] == 200
    assert Path("artifacts/dense/model.prunepack").is_file()


@pytest.mark.skipif("dense" not in LoadConfig.model_fields, reason="load.dense comes with load")
def test_a_pruned_file_with_its_dense_one(folder):
    assert not prunepack.main(["run", "pruned.toml", *QUICK], standalone_mode=False)
    report = json.loads(Path("artifacts/pruned/report.json").read_text())
    assert "size.ratio" in report["metrics"]
    assert report["metrics"]["sparsity.weights"]["value"] == 50
    texts = [note["text"] for note in report["notes"]]
    assert "the source is pruned, so it is not pruned further" in texts
    assert not any("no dense reference" in text for text in texts)


def test_every_metric_of_the_page_is_in_the_catalog():
    names = re.findall(r"`((?:similarity|agreement|accuracy|size|latency)\.[\w.]+)`", PAGE)
    assert len(names) >= 10
    assert all(find_description(name) for name in names)
