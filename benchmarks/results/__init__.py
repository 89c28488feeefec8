"""Results of the benchmarks as JSON; never edited by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["read_result", "write_result"]

FOLDER = Path(__file__).parent


def write_result(name: str, value: dict[str, Any]) -> None:
    """Write ``results/NAME.json``."""
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    print(path)


def read_result(name: str) -> dict[str, Any]:
    """Read ``results/NAME.json``."""
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return value
