"""docs/tutorial/index.md: its code runs, and so do its commands, in the order of the page."""

import re
import shlex
from pathlib import Path

import pytest

from prunepack.pipeline.cli import prunepack
from tests.e2e.conftest import call

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "index.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def list_commands(text):
    return [shlex.split(line.removeprefix("$ ")) for line in text.splitlines()]


def run_code(code, names):
    exec(compile(code, "tutorial", "exec"), names)


def test_the_code_of_live_models_runs(tmp_path, monkeypatch):
    """All blocks before the first command."""
    monkeypatch.chdir(tmp_path)
    kinds = [kind for kind, _ in BLOCKS]
    first = kinds.index("console")
    assert first == 7
    names = {}
    for _, code in BLOCKS[:first]:
        run_code(code, names)
    assert names["size"].keys() == {"masked.pth", "pruned.pth", "pruned.onnx"}


def test_every_command_exists():
    words = [words for kind, text in BLOCKS if kind == "console" for words in list_commands(text)]
    assert len(words) == 14
    for name, command, *rest in words:
        assert name == "prunepack"
        prunepack.get_command(None, command).make_context(command, rest)


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for kind, text in BLOCKS:
        if kind == "python":
            run_code(text, names)
            continue
        for words in list_commands(text):
            done = call(*words[1:], cwd=tmp_path)
            assert done.code == 0, (words, done.out, done.err)
    assert "accuracy" in (tmp_path / "artifacts" / "MODEL_CARD.md").read_text()
