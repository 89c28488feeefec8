"""Examples: every command line in the help and in the README runs."""

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from prunepack.pipeline import cli
from tests.e2e.conftest import COMMAND, call

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NAMES = [name for commands in cli.COMMANDS.values() for name in commands]
ORDER = (
    "load",
    "prune",
    "inspect",
    "undo",
    "finetune",
    "finalize",
    "export",
    "compact",
    "dense_onnx",
    "pack",
    "unpack",
    "verify-file",
    "verify",
    "measure",
    "gate",
)
EXTRA = {"dense_onnx": "prunepack export work/dense -o work/dense_onnx"}


@cache
def example(name):
    """Return the example that ends the help of a command."""
    text = call(name, "--help", cwd=ROOT).out
    return " ".join(text.split("Example: ")[1].split())


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """A folder in which the stages' examples were run one after the other."""
    folder = tmp_path_factory.mktemp("by_hand")
    for name in ORDER:
        words = shlex.split(EXTRA.get(name) or example(name))
        done = call(*words[1:], cwd=folder)
        assert done.code == 0, (name, done)
    return folder


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_help_ends_with_an_example_of_the_command(name):
    assert shlex.split(example(name))[:2] == ["prunepack", name]


def test_stages_by_hand_make_the_artifact_of_a_run(by_hand):
    """One round of one epoch, as in the examples; everything else by default."""
    (by_hand / "one_round.toml").write_text("[finetune]\nepochs = 1\n")
    done = call("run", "one_round.toml", "--until", "pack", cwd=by_hand)
    assert done.code == 0, done.err
    of_run = (by_hand / "artifacts/one_round/model.prunepack").read_bytes()
    assert of_run == (by_hand / "work/lenet.prunepack").read_bytes()


def test_unpacked_files_are_the_packed_ones(by_hand):
    exported = (by_hand / "work/compacted/model.onnx").read_bytes()
    assert (by_hand / "work/unpacked/model.onnx").read_bytes() == exported


def test_the_example_of_diff_shows_what_pruning_did(by_hand):
    done = call(*shlex.split(example("diff"))[1:], cwd=by_hand)
    assert done.code == 1
    assert re.search(r"^fc1\.weight .* → 9\d\.\d %", done.out, re.MULTILINE)


@pytest.mark.slow
def test_the_example_of_sensitivity_suggests_rules(tmp_path):
    done = call(*shlex.split(example("sensitivity"))[1:], cwd=tmp_path)
    assert done.code == 0, done.err
    assert "[[prune.rules]]" in done.out
    assert (tmp_path / "artifacts/lenet/lenet-suggested.toml").exists()
    misspelt = call("sensitivity", "lenet", "--layers", "cnv1", cwd=tmp_path)
    assert misspelt.code == 2
    assert "Did you mean `conv1`?" in misspelt.error


def test_undo_gives_the_dense_checkpoint_back(by_hand):
    dense, undone = (by_hand / "work" / name for name in ("dense", "undone"))
    for file in dense.iterdir():
        assert file.read_bytes() == (undone / file.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("inspect", "work/masked"), "l1_unstructured"),
        (("inspect", "work/masked", "--layer", "conv1"), "weight_mask"),
        (("inspect", "work/dense"), "0 of 54"),
        (("inspect", "work/lenet.prunepack"), "contexts"),
        (("inspect", "work/onnx"), "fc1.weight"),
        (("inspect", "work/masked/pruned_model.pth"), "fc1.weight_orig"),
        (("inspect", "work/dense/weights.safetensors"), "fc1.weight"),
    ],
)
def test_inspect_shows_what_is_there(by_hand, arguments, shown):
    done = call(*arguments, cwd=by_hand)
    assert done.code == 0
    assert shown in done.out
    assert json.loads(call(*arguments, "--json", cwd=by_hand).out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("export", "work/masked", "-o", "x"), 4, "found a MaskedCheckpoint"),
        (("export", "work/nothing", "-o", "x"), 4, "`work/nothing` is not a folder"),
        (("export", "work/final", "-o", "work/onnx"), 2, "work/onnx` is taken"),
        (("prune", "work/dense", "-o", "x", "--amount", "1.5"), 2, "--amount: a fraction lies"),
        (("prune", "work/dense", "-o", "x", "--layers", "cnv1"), 2, "Did you mean conv1, conv2?"),
        (
            ("finetune", "work/masked", "work/dense", "-o", "x", "--hook", "no.py:f"),
            2,
            "a file no.py",
        ),
        (("inspect", "work/nothing"), 2, "does not exist"),
        (("inspect", "work/onnx", "--layer", "fc1"), 2, "has no layers to show"),
        (("pack", "work/dense/model.json", "-o", "x.prunepack"), 4, "model.json"),
        (("unpack", "work/lenet.prunepack", "-o", "work/unpacked"), 2, "exists"),
        (("verify", "work/dense", "-o", "x"), 2, "verify cannot compare 1 model"),
        (
            (*shlex.split(example("measure"))[1:-1], "x", "--provider", "cuda"),
            2,
            "the CUDA execution provider cannot be used",
        ),
        (("gate", "work/parity", "--limits", "size.ratio > 1"), 2, "is not a limit"),
        (("gate", "work/dense"), 4, "work/dense"),
        (("fetch", "minst"), 2, "Did you mean `mnist`?"),
        (("train", "lenet6", "-o", "x"), 2, "Did you mean `lenet"),
    ],
)
def test_misuse_of_a_stage_is_told(by_hand, arguments, code, message):
    done = call(*arguments, cwd=by_hand)
    assert message in done.error
    assert done.code == code
    assert not (by_hand / "x").exists()


def test_the_python_of_the_readme_runs(released, tmp_path):
    codes = blocks("python")
    assert len(codes) == 3
    for code in codes:
        assert call("-c", code, cwd=released[0], command=(sys.executable,)).code == 0


def test_the_commands_of_the_readme_exist():
    lines = [line for block in blocks("console") for line in block.splitlines()]
    words = [shlex.split(line) for line in lines]
    assert {word[0] for word in words} == {"make", "prunepack"}
    for word in words:
        if word[0] == "prunepack":
            command = cli.prunepack.get_command(None, word[1])
            command.make_context(word[1], word[2:])


def test_the_recipe_of_the_readme_is_valid(tmp_path):
    from prunepack.pipeline.recipe import read_recipe

    (tmp_path / "mine.toml").write_text(blocks("toml")[0])
    assert read_recipe(str(tmp_path / "mine.toml")).plan.prune.rules[0].amount == 0.3


def test_the_readme_says_the_same_exit_codes_as_the_help():
    said = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    codes = re.findall(r"\b(\d+) (?=pass|the gate|usage|a bug|input|nothing|interrupted)", said)
    assert codes == re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
