"""Two runs differ in words."""

from __future__ import annotations

from typing import Any

import pytest

from prunepack.pipeline.runs.differences import describe_differences
from tests.unit.pipeline.runs.materials import material


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"config": {"amount": 0.95}}, ["config.amount: 0.9 → 0.95"]),
        ({"config": {"amount": 1}}, ["config.amount: 0.9 → 1"]),
        ({"config": {"name": "ü"}}, ['config.name: "é" → "ü"']),
        ({"config": {"new": True}}, ["config.new: null → true"]),
        (
            {"config": {"rules": [{"layers": "fc", "norm": 2.0}]}},
            ['config.rules[0].layers: "*" → "fc"', "config.rules[0].norm: 2 → 2.0"],
        ),
        (
            {"config": {"rules": []}},
            ['config.rules: [{"layers": "*", "norm": 2}] → []'],
        ),
        (
            {"config": {"name": "x" * 50}},
            [f'config.name: "é" → "{"x" * 38}…'],
        ),
        ({"inputs": {"model": "b" * 64}}, ["input model changed"]),
        (
            {"code": {"stages/prune.py": "1", "stages/pruning/methods/n_m.py": "2"}},
            ["stages/pruning/methods/n_m.py changed"],
        ),
        (
            {"code": {"stages/prune.py": "1", "stages/pruning/methods/new.py": "2"}},
            ["stages/pruning/methods/n_m.py is gone", "stages/pruning/methods/new.py is new"],
        ),
        ({"user": {"hook.py:f": "1"}}, ["hook.py:f is new"]),
        (
            {"user": dict.fromkeys("abcde", "1")},
            ["a is new", "b is new", "c is new", "2 more files changed"],
        ),
        ({"tools": {"torch": "2.14.0"}}, ["torch 2.13.0 → 2.14.0"]),
        ({"tools": {}}, ["torch 2.13.0 → (none)"]),
        ({"python": "3.12"}, ["Python 3.11 → 3.12"]),
        ({"host": "elsewhere"}, ["machine:  → elsewhere"]),
    ],
)
def test_differences_are_said_in_words(changes: dict[str, Any], said: list[str]) -> None:
    old = material()
    config = {"config": {**old.config, **changes["config"]}} if "config" in changes else {}
    assert describe_differences(old, material(**{**changes, **config})) == said
