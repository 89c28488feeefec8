"""Materials of a stage, for records of runs."""

from __future__ import annotations

from typing import Any

from prunepack.pipeline.keys.material import Material


def material(**changes: Any) -> Material:
    parts: dict[str, Any] = {
        "stage": "prune",
        "config": {"amount": 0.9, "rules": [{"layers": "*", "norm": 2}], "name": "é"},
        "inputs": {"model": "a" * 64},
        "code": {"stages/prune.py": "1", "stages/pruning/methods/n_m.py": "1"},
        "user": {},
        "tools": {"torch": "2.13.0"},
        "python": "3.11",
        "host": "",
    }
    return Material(**{**parts, **changes})
