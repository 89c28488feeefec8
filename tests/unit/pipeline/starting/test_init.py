"""Recipes for a given model: detected values, runs of the recipe, refusals."""

import json
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from prunepack import pack
from prunepack.errors import RefusedError, UsageError
from prunepack.pipeline.cli.commands.init import init_command, recipe_command
from prunepack.pipeline.cli.commands.run import run_command
from prunepack.pipeline.recipe import list_built_in_recipes, read_recipe
from tests.unit.stages.graphs.models import two_layers

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)

    def forward(self, image, scale=1.0):
        return self.last(self.conv(image).mean((2, 3)) * scale)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Embedding(20, 4), nn.Linear(4, 2)

    def forward(self, ids, mask):
        return self.last((self.embed(ids) * mask[..., None]).mean(1))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    onnx.save(two_layers(), "dense.onnx")
    onnx.save(two_layers(zeros=0.5), "sparse.onnx")
    pack("dense.onnx", "dense.prunepack")
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    torch.save(model.state_dict(), "net.pth")
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, "nested.pt")
    save_file({"embed.weight": torch.randn(20, 4), "out": torch.randn(4, 4)}, "e.safetensors")
    np.savez("mlp.npz", w=np.ones((4, 8), np.float32))
    prune.l1_unstructured(model[0], "weight", 0.5)
    torch.save(model.state_dict(), "masked.pth")
    return tmp_path


def init(*words):
    init_command.main(list(words), standalone_mode=False)


def written(name):
    """The tables of a written recipe, which is valid."""
    tables = tomllib.loads(Path(name).read_text("utf-8"))
    read_recipe(name)
    return tables


@pytest.mark.parametrize(
    ("model", "load"),
    [
        ("lenet", {"model": "lenet"}),
        ("dense.onnx", {"model": "dense.onnx"}),
        ("dense.prunepack", {"model": "dense.prunepack"}),
        (
            "net.py:Net",
            {"model": "net.py:Net", "inputs": [{"name": "image", "shape": [3, 224, 224]}]},
        ),
        (
            "net.pth",
            {
                "model": "net.py:build",
                "weights": "net.pth",
                "inputs": [{"name": "input", "shape": [3, 224, 224]}],
            },
        ),
        (
            "nested.pt",
            {
                "model": "net.py:build",
                "weights": "nested.pt",
                "inputs": [{"name": "input", "shape": [3, 224, 224]}],
            },
        ),
        (
            "e.safetensors",
            {
                "model": "net.py:build",
                "weights": "e.safetensors",
                "inputs": [{"name": "input", "shape": ["tokens"], "dtype": "int64"}],
            },
        ),
        (
            "mlp.npz",
            {
                "model": "net.py:build",
                "weights": "mlp.npz",
                "inputs": [{"name": "input", "shape": [8]}],
            },
        ),
        (
            "timm:resnet18",
            {"model": "timm:resnet18", "inputs": [{"name": "input", "shape": [3, 224, 224]}]},
        ),
    ],
)
def test_the_load_table(folder, model, load):
    init(model, "-o", "r.toml")
    tables = written("r.toml")
    assert tables["load"] == load
    assert tables["prune"]["amount"] == 0.8
    assert "size.ratio >= 4" in tables["gate"]["limits"]
    assert ("finetune" in tables) == (not load["model"].startswith("dense"))


def test_every_argument_of_forward_is_an_input(folder):
    init("net.py:Pair")
    assert [entry["name"] for entry in written("net.toml")["load"]["inputs"]] == ["ids", "mask"]


@pytest.mark.parametrize("model", ["sparse.onnx", "masked.pth"])
def test_a_pruned_model_is_not_pruned_again(folder, model):
    init(model, "-o", "r.toml")
    tables = written("r.toml")
    assert "prune" not in tables
    assert not [limit for limit in tables["gate"]["limits"] if "size.ratio" in limit]
    assert "# The model is pruned already" in (folder / "r.toml").read_text()


def test_comments_tell_what_was_found(folder, capsys):
    init("masked.pth")
    text = (folder / "masked.toml").read_text()
    assert "# 1 mask found in `masked.pth`." in text
    assert "# Weights: 0.weight (8×3×3×3), 2.weight (4×32)." in text
    assert "guessed from the first weight, `0.weight`" in text
    assert "Replace `net.py:build` by your function" in capsys.readouterr().out
    assert all(len(line) <= 100 for line in text.splitlines())


def test_a_long_list_of_layers_is_cut(folder):
    save_file({f"{n}.weight": torch.ones(2, 2) for n in range(20)}, "deep.safetensors")
    init("deep.safetensors")
    assert "and 8 more." in (folder / "deep.toml").read_text()


@pytest.mark.parametrize("model", ["dense.onnx", "sparse.onnx", "net.py:Net"])
def test_the_recipe_runs(folder, model):
    init(model, "-o", "r.toml")
    quick = ["--set", "measure.batch_sizes=[1]", "--set", "gate.limits=[]"]
    if model.startswith("net"):
        quick += ["--until", "export"]
    assert not run_command.main(["r.toml", *quick], standalone_mode=False)


def test_an_existing_recipe_is_kept(folder, capsys):
    (folder / "dense.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"dense\.toml` exists"):
        init("dense.onnx")
    assert (folder / "dense.toml").read_text() == "mine"
    init("dense.onnx", "--force", "--json")
    assert json.loads(capsys.readouterr().out)["recipe"] == "dense.toml"
    assert written("dense.toml")["load"]["model"] == "dense.onnx"


@pytest.mark.parametrize(
    ("model", "kind", "what"),
    [
        ("none.onnx", UsageError, "`none.onnx` is not a file"),
        ("none.pth", UsageError, "`none.pth` is not a file"),
        ("lenet4", UsageError, "Did you mean `lenet"),
        (".", UsageError, "`.` is not a file: expected a model file"),
        ("net.py", UsageError, "`net.py` does not name a factory"),
        ("net.py:build", UsageError, "build"),
        ("none.py:build", UsageError, "none.py"),
        ("broken.onnx", RefusedError, "broken.onnx"),
        ("broken.pth", RefusedError, "broken.pth"),
    ],
)
def test_models_that_cannot_be_used(folder, model, kind, what):
    (folder / "broken.onnx").write_text("text")
    (folder / "broken.pth").write_text("text")
    with pytest.raises(kind) as refused:
        init(model, "-o", "r.toml")
    assert what in str(refused.value)
    assert not (folder / "r.toml").exists()


@pytest.mark.parametrize("name", list_built_in_recipes())
def test_a_built_in_recipe_is_printed(name, tmp_path, capsys):
    recipe_command.main([name], standalone_mode=False)
    (tmp_path / "copy.toml").write_text(capsys.readouterr().out)
    assert read_recipe(str(tmp_path / "copy.toml")).plan == read_recipe(name).plan


def test_built_in_recipes_are_listed(capsys):
    recipe_command.main([], standalone_mode=False)
    shown = capsys.readouterr().out
    assert all(name in shown for name in list_built_in_recipes())
    recipe_command.main(["--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["recipes"] == list_built_in_recipes()


def test_a_recipe_that_is_not_built_in():
    with pytest.raises(UsageError, match="no built-in recipe is named `lent`") as refused:
        recipe_command.main(["lent"], standalone_mode=False)
    assert "Did you mean" in refused.value.hint
