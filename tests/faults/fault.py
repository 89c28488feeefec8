"""What a planted fault is, and what the tools said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Command", "Fault", "Kind", "Outcome", "Pair"]

Kind = Literal["export", "model", "artifact", "runtime", "data", "report"]

Command = Sequence[str]
"""Arguments of ``prunepack``."""

Pair = Callable[[Path], tuple[Path, Path]]
"""Writes two ONNX files into a folder, the right one and the faulty one, with ``inputs.npz``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One small thing that is wrong.

    Attributes:
        name: What is wrong.
        kind: Where it is.
        plant: Puts it into a folder of its own; returns the commands of the release that meets it.
            All but the last may pass.
        code: The exit code that the command which catches it ends with.
        says: What has to be in one line of its message: the cause, or the place.
        onnx_pair: The fault as two ONNX files, where it is one between them.
        during: What holds while the commands run, where the fault is in the machine.
    """

    name: str
    kind: Kind
    plant: Callable[[Path], Sequence[Command]]
    code: int
    says: str
    onnx_pair: Pair | None = None
    during: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command that did not pass came to, or the last one if all passed.

    Attributes:
        command: Its name.
        code: Its exit code.
        text: Everything that it printed.
    """

    command: str
    code: int
    text: str
