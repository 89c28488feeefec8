"""docs/how-to/bring-your-own-model.md: its files and its commands work as they stand there."""

import re
import shlex
from pathlib import Path

import torch

from prunepack.pipeline.recipe import list_built_in_recipes

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-your-own-model.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line
]


def blocks(kind):
    return [text for found, text in BLOCKS if found == kind]


def test_every_command_passes_in_its_order(prunepack, tmp_path):
    names = ("net.py", "data.py", "small.toml", "trained.toml")
    for name, text in zip(names, [*blocks("python"), *blocks("toml")], strict=True):
        (tmp_path / name).write_text(text)
    build = {}
    exec(blocks("python")[0], build)
    torch.save(build["build"]().state_dict(), tmp_path / "weights.pth")
    quick = ("--set", "measure.batch_sizes=[]")
    for line in (line for line in COMMANDS if line.startswith("$ prunepack ")):
        words = shlex.split(line.removeprefix("$ prunepack "))
        done = prunepack(*words, *(quick if words[0] == "run" else ()))
        assert done.code == 0, (line, done.out, done.err)


def test_recipes_on_the_page_are_built_in():
    named = [line.split()[2] for line in COMMANDS if line.startswith("prunepack run ")]
    assert named
    assert set(named) <= set(list_built_in_recipes())
