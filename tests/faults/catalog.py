"""Every planted fault."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.commands import run_all

if TYPE_CHECKING:
    from tests.faults.fault import Fault, Outcome

__all__ = ["FAULTS", "find_message", "run_fault"]

FAULTS: tuple[Fault, ...] = tuple(
    fault
    for path in sorted(Path(__file__).parent.glob("*_faults.py"))
    if path.stem != "test_faults"
    for fault in import_module(f"tests.faults.{path.stem}").FAULTS
)
"""The faults of every module in this folder whose name ends in ``_faults``."""


def run_fault(fault: Fault, folder: Path) -> Outcome:
    """Plant a fault in an empty folder and run the commands that meet it."""
    commands = fault.plant(folder)
    with fault.during():
        return run_all(commands)


def find_message(fault: Fault, outcome: Outcome) -> str | None:
    """Return the line of the message that says what the fault is; None if none does."""
    text = re.sub(r"^error: ", "", outcome.text, flags=re.MULTILINE)
    text = re.sub(r"(?<=[^\n])\n  (expected|found) +", _join_field, text)
    text = re.sub(r"\nhint: ", ". ", text)
    return next((line for line in text.splitlines() if re.search(fault.says, line)), None)


def _join_field(field: re.Match[str]) -> str:
    return f"{': ' if field[1] == 'expected' else ', '}{field[1]} "
