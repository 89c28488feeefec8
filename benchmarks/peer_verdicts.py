"""How what a tool did becomes a verdict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Ran", "Verdict", "said", "verdict"]

Verdict = Literal["caught", "missed", "cannot be shown"]

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FOLDERS = re.compile(r"(?<![\w.])(?:/[\w.+-]+)+/")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """What a tool came to.

    Attributes:
        code: The exit code of its last command.
        files: What it left in folders of its own.
        log: All that the last command printed.
    """

    code: int
    files: list[str]
    log: str

    def content(self, writes: str = "") -> bool:
        """Return whether a build goes on: it ended with 0 and left the file it was to write."""
        return self.code == 0 and (not writes or writes in self.files)


def verdict(same: Ran, faulty: Ran, writes: str = "") -> Verdict:
    """Judge what a tool did with a faulty model, whatever it logged.

    Args:
        same: What it did with the right model beside itself. Where it is not content even with
            that, what it says of the faulty one says nothing.
        faulty: What it did with the faulty model.
        writes: The file that it writes only if it is content; empty if there is none.
    """
    if not same.content(writes):
        return "cannot be shown"
    return "missed" if faulty.content(writes) else "caught"


def said(log: str, telling: str) -> str:
    """Return the last line of ``log`` in which the pattern ``telling`` is found, from there on.

    Folders of this machine are left out of it.
    """
    plain = FOLDERS.sub("", COLOUR.sub("", log))
    found = [one.group().strip() for one in re.finditer(telling, plain, re.MULTILINE)]
    return found[-1][:LONGEST] if found else ""
