"""Faults that a stored result would hide: user code reads something that has changed since."""

from __future__ import annotations

import shutil
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

from tests.faults.commands import run_honest
from tests.faults.fault import Fault
from tests.faults.lab import lab, write_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]

DATASET = """
import importlib, json, os, sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "lib"))


def digits():
    found = np.load(HERE / "digits.npz")
    step = {step}
    return {{"test": (found["images"], found["labels"] if step == 1 else 9 - found["labels"])}}
"""

STEPS = {
    "a table that the dataset reads": 'json.load(open(HERE / "table.json"))',
    "a module that is imported by a name": 'importlib.import_module(f"st{1 + 1}ep").STEP',
    "an environment variable": 'int(os.environ.get("STEP_OF_LABELS", "1"))',
}


def _write_table(folder: Path, step: int) -> None:
    (folder / "table.json").write_text(str(step))


def _write_module(folder: Path, step: int) -> None:
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "lib/st2ep.py").write_text(f"STEP = {step}\n")
    sys.modules.pop("st2ep", None)  # the second run is another process


def _plant(name: str, change: Callable[[Path, int], None], folder: Path) -> Sequence[Command]:
    """Run a recipe that passes, and change what its dataset reads."""
    shutil.copy(lab() / "digits.npz", folder)
    _write_table(folder, 1)
    _write_module(folder, 1)
    (folder / "data.py").write_text(DATASET.format(step=STEPS[name]))
    (folder / "recipe.toml").write_text(write_recipe("lenet", f"{folder / 'data.py'}:digits"))
    command = ["run", str(folder / "recipe.toml"), "--artifacts", str(folder / "runs")]
    run_honest(command)
    change(folder, 2)
    return [command]


_CHANGES: dict[str, Callable[[Path, int], None]] = {
    "a table that the dataset reads": _write_table,
    "a module that is imported by a name": _write_module,
    "an environment variable": lambda _folder, _step: None,
}
_variable = partial(mock.patch.dict, "os.environ", {"STEP_OF_LABELS": "2"})

FAULTS = tuple(
    Fault(
        f"a stored result after a change of {name}",
        "data",
        partial(_plant, name, change),
        1,
        r"accuracy\.artifact >= 90, measured \d+\.?\d* %",
        during=_variable if "variable" in name else nullcontext,
        found_by="others",
    )
    for name, change in _CHANGES.items()
)
