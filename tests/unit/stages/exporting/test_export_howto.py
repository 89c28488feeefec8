"""docs/how-to/export.md: its commands run, and its recipe is valid."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from prunepack.pipeline.cli import main
from prunepack.stages.load import LoadConfig

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "export.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ prunepack ")
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]


def block(kind):
    return next(text for name, text in BLOCKS if name == kind)


def test_the_recipe_is_valid():
    config = LoadConfig.model_validate(tomllib.loads(block("toml"))["load"])
    assert [spec.axes for spec in config.inputs] == [("tokens",), ("tokens",)]


def test_every_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(block("python"))
    for command in COMMANDS:
        monkeypatch.setattr("sys.argv", ["prunepack", *shlex.split(command), "-q"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, command
    outputs = {
        name: json.loads(Path(name, "interface.json").read_text())["outputs"]
        for name in ("all", "scores", "renamed", "fixed", "script")
    }
    assert outputs == {
        "all": ["scores", "hidden"],
        "scores": ["scores"],
        "renamed": ["logits", "features"],
        "fixed": ["scores", "hidden"],
        "script": ["scores", "hidden"],
    }
    axes = json.loads(Path("all", "interface.json").read_text())["axes"]
    assert axes["ids"] == ["batch", "tokens"]
    assert axes["scores"] == ["batch", 3]
