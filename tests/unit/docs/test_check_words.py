"""The check of words: each kind of text and of rule, and text that passes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def check(folder: Path, name: str, text: str) -> list[str]:
    """Return the findings in a file as ``line: found``."""
    import check_words
    import glossary

    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    found = check_words.check_file(path, glossary.read_rules())
    return [line.removeprefix(f"{path}:").partition(", say")[0] for line in found]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('"""The budgets of a release."""\n', "1: 'budgets'"),
        ('"""A module."""\n\nx = 1\n"""Seeded noise."""\n', "4: 'noise'"),
        ('"""A module.\n\nAttributes:\n    x: What it is.\n"""\n', "4: 'What'"),
        ("# One line.\n# So many\n# of them.\n", "2: 'So many'"),
        ('x = Field(1, description="Which layers.")\n', "1: 'Which'"),
        ('x = option(\n    help="A limit, or "\n    "a budget.")\n', "2: 'budget'"),
        ('raise DamagedError(f"{path} is no artifact")\n', "1: 'is no'"),
        ('raise DamagedError("A file ends early.")\n', "1: 'A file ends early.'"),
        ('raise UsageError("a", hint=f"Run it with {x}.")\n', "1: 'Run it with □.'"),
        ('raise UsageError(f"{path}", hint="x")\n', "1: '□'"),
        ('raise UsageError("a", hint="The file is damaged")\n', "1: 'The'"),
        ('"""How a session starts."""\n', "1: 'How'"),
        ('def load():\n    """Returns a model."""\n', "2: 'Returns'"),
        ('class A:\n    """How far it is."""\n', "2: 'How'"),
        ("def merged():\n    pass\n", "1: 'merged'"),
        ("class NoiseLevel:\n    pass\n", "1: 'Noise Level'"),
        ("def load(*, open_axes=1):\n    pass\n", "1: 'open axes'"),
        ("total_budget = 1\n", "1: 'total budget'"),
        ("def what_is_left():\n    pass\n", "1: 'what_is_left'"),
    ],
)
def test_python(tmp_path, text, finding):
    assert finding in check(tmp_path, "module.py", text)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("# What it is\n", "1: 'What'"),
        ("# How to prune\n", "1: 'How'"),
        ("| file | what it is |\n|---|---|\n", "1: 'what'"),
        ("Fine.\n\nThe value\nhas to\nbe 3.\n", "4: 'has to be'"),
        ("* Fine\n* whoever reads\n", "2: 'whoever'"),
        ("A limit. Which one?\n", "1: 'Which'"),
        ("**What** is it?\n", "1: 'What'"),
    ],
)
def test_markdown(tmp_path, text, finding):
    assert finding in check(tmp_path, "page.md", text)


def test_comments_of_other_files(tmp_path):
    assert check(tmp_path, "recipe.toml", 'x = "budget"  # a budget\n') == ["1: 'budget'"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "Say `budget` and ``noise``.\n\n```\nWhat a budget\n```\n"),
        ("page.md", "The signal-to-noise ratio, [a page](what/budget.md), and what it is.\n"),
        ("page.md", "The file is no longer there. There is no other. In each case, it is.\n"),
        (
            "module.py",
            '"""Limits of a release."""\n\n\ndef merge_limits():\n    """Merge them."""\n',
        ),
        ("module.py", 'x = {"budget": 1, "noise": "coder"}  # noqa: S101\n'),
        ("module.py", 'raise UsageError("a file", hint="Run it. Then read it.")\n'),
        ("module.py", 'raise UsageError(f"{x} is empty", hint=f"{near} Read it.")\n'),
        ("module.py", "class A:\n    @property\n    def merged(self):\n        return 1\n"),
        ("tests/test_a.py", 'def test_found():\n    assert "is no budget" in text\n'),
    ],
)
def test_good_text_passes(tmp_path, name, text):
    assert check(tmp_path, name, text) == []


def test_every_row_of_the_glossary_is_read():
    import glossary

    rules = glossary.read_rules()
    rows = [
        line
        for line in glossary.GLOSSARY.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.endswith(("| review |", "| found by |"))
    ]
    assert sum(len(kind) for kind in vars(rules).values()) == len(rows)


def test_the_command_reports_and_fails(tmp_path):
    script = ROOT / "docs" / "scripts" / "check_words.py"
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "page.md").write_text("A budget.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, "page.md"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("page.md:1: 'budget', say instead: limit")
