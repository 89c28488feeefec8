"""Planted faults, and the outcome of the commands that meet them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Command", "Fault", "Finder", "Kind", "Outcome", "Pair"]

Kind = Literal["export", "model", "artifact", "runtime", "data", "report"]

Finder = Literal["us", "others"]

Command = Sequence[str]
"""Arguments of ``prunepack``."""

Pair = Callable[[Path], tuple[Path, Path]]
"""Function that writes a correct and a faulty ONNX file into a folder, with ``inputs.npz``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One small change that makes a release wrong.

    Attributes:
        name: Name of the change, as the tables print it.
        kind: Part of the release that it changes.
        plant: Function that writes the faulty release into an empty folder and returns the
            commands to run on it. Only the last one must fail.
        code: Exit code of the command that catches the fault.
        says: Pattern of one line of the message: the cause or the place.
        onnx_pair: The fault as two ONNX files, if it is a difference between them.
        during: Context in which the commands run, if the fault is in the machine.
        found_by: ``us`` if the check was written for the fault, ``others`` if the fault had passed
            before.
    """

    name: str
    kind: Kind
    plant: Callable[[Path], Sequence[Command]]
    code: int
    says: str
    onnx_pair: Pair | None = None
    during: Callable[[], AbstractContextManager[object]] = nullcontext
    found_by: Finder = "us"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of the first command that failed, or of the last one if all passed.

    Attributes:
        command: Its name.
        code: Its exit code.
        text: Everything that it printed.
    """

    command: str
    code: int
    text: str
