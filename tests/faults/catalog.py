"""Every planted fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.faults import (
    artifact_faults,
    computation_faults,
    data_faults,
    external_faults,
    interface_faults,
    limit_faults,
    model_faults,
    report_faults,
    runtime_faults,
    signature_faults,
    weight_faults,
)
from tests.faults.commands import run_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.fault import Fault, Outcome

__all__ = ["FAULTS", "find_message", "run_fault"]

FAULTS: tuple[Fault, ...] = (
    *model_faults.FAULTS,
    *weight_faults.FAULTS,
    *computation_faults.FAULTS,
    *interface_faults.FAULTS,
    *external_faults.FAULTS,
    *artifact_faults.FAULTS,
    *runtime_faults.FAULTS,
    *data_faults.FAULTS,
    *limit_faults.FAULTS,
    *report_faults.FAULTS,
    *signature_faults.FAULTS,
)


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
