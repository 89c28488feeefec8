"""Verdict on a tool from its exit code, its files and its log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["ToolRun", "Verdict", "find_message", "judge_runs"]

Verdict = Literal["caught", "missed", "cannot be shown"]

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FOLDERS = re.compile(r"(?<![\w.])(?:/[\w.+-]+)+/")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class ToolRun:
    """The outcome of a tool.

    Attributes:
        code: The exit code of its last command.
        files: The files that it wrote into folders of its own.
        log: The output of the last command.
    """

    code: int
    files: list[str]
    log: str

    def has_passed(self, writes: str = "") -> bool:
        """Return whether a build continues: exit code 0, and the expected file is written."""
        return self.code == 0 and (not writes or writes in self.files)


def judge_runs(same: ToolRun, faulty: ToolRun, writes: str = "") -> Verdict:
    """Return the verdict of a tool on a faulty model, without its log.

    Args:
        same: Its outcome for the reference twice. If it rejects even that, its outcome for the
            faulty model has no meaning.
        faulty: Its outcome for the faulty model.
        writes: The file that it writes only if it accepts; empty if it writes no such file.
    """
    if not same.has_passed(writes):
        return "cannot be shown"
    return "missed" if faulty.has_passed(writes) else "caught"


def find_message(log: str, telling: str) -> str:
    """Return the last match of the pattern ``telling`` in ``log``.

    Folders of this machine are removed from it.
    """
    plain = FOLDERS.sub("", COLOUR.sub("", log))
    found = [one.group().strip() for one in re.finditer(telling, plain, re.MULTILINE)]
    return found[-1][:LONGEST] if found else ""
