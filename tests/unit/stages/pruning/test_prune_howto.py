"""docs/how-to/prune.md: its recipes, its classes and its options work as they stand there."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.prune import PruneConfig, prune
from prunepack.stages.sources.module_sources import build_module
from prunepack.stages.undo import UndoConfig, undo

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "prune.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
RECIPES = [text for kind, text in BLOCKS if kind == "toml"]
SOURCES = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [
    shlex.split(line.removeprefix("$ prunepack "))
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with what the page takes as given."""
    monkeypatch.chdir(tmp_path)
    spec = ModelSpec(model="lenet", inputs=(InputSpec(shape=(1, 28, 28)),), dataset="mnist")
    Path("dense").mkdir()
    save_checkpoint(Path("dense"), build_module("lenet"), spec)
    save_file({"fc3.weight": torch.eye(10, 84)}, "masks.safetensors")
    Path("every_nth.py").write_text(SOURCES[0])
    return tmp_path


def run_prune(source, out, **fields):
    kind = Checkpoint if Path(source, "weights.safetensors").exists() else MaskedCheckpoint
    Path(out).mkdir()
    prune.body(PruneConfig(**fields), Path(out), kind(Path(source), ""))
    return open_model(MaskedCheckpoint(Path(out), ""))[0]


@pytest.mark.parametrize("recipe", RECIPES, ids=[str(i) for i in range(len(RECIPES))])
def test_every_recipe_runs(folder, recipe):
    fields = tomllib.loads(recipe)["prune"]
    run_prune("dense", "masked", **fields)


def test_every_command_to_prune_or_undo_runs_in_its_order(folder):
    ran = [words for words in COMMANDS if words[0] in {"prune", "undo"}]
    for verb, source, dash, out, *options in ran:
        assert dash == "-o"
        fields = dict(zip(map(field_of, options[::2]), options[1::2], strict=True))
        if verb == "prune":
            run_prune(source, out, **fields)
        else:
            Path(out).mkdir()
            facts = undo.body(UndoConfig(), Path(out), MaskedCheckpoint(Path(source), ""))
            assert facts["exact"] is True
    assert len(ran) == 7


def field_of(option):
    assert option.startswith("--")
    return option.removeprefix("--").replace("-", "_")


def test_the_class_does_what_its_text_says(folder):
    recipe = next(text for text in RECIPES if "EveryNth" in text)
    module = run_prune("dense", "masked", **tomllib.loads(recipe)["prune"])
    assert module.fc3.weight_mask.flatten()[:7].tolist() == [0, 1, 1, 0, 1, 1, 0]


def test_the_defaults_are_those_that_the_page_shows(folder):
    recipe = next(text for text in RECIPES if 'scope = "global"' in text)
    shown, plain = (
        run_prune("dense", "a", **tomllib.loads(recipe)["prune"]),
        run_prune("dense", "b"),
    )
    assert torch.equal(shown.fc1.weight, plain.fc1.weight)


def test_plain_torch_loads_a_masked_checkpoint(folder):
    ours = run_prune("dense", "masked")
    names = {}
    exec(SOURCES[2], names)
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(names["model"].eval()(images), ours(images))
