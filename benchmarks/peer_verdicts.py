"""How what a tool did becomes a verdict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Ran", "Verdict", "said", "verdict"]

Verdict = Literal["caught", "missed", "cannot be shown"]

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """What a tool came to.

    Attributes:
        code: The exit code of its last command.
        wrote: Whether it wrote the model that it was to write; true if there was none to write.
        log: All that it printed.
    """

    code: int
    wrote: bool
    log: str

    @property
    def content(self) -> bool:
        """Whether a build goes on: it ended with 0 and left its model, whatever it logged."""
        return self.code == 0 and self.wrote


def verdict(same: Ran, faulty: Ran) -> Verdict:
    """Judge what a tool did with a faulty model.

    Args:
        same: What it did with the right model beside itself. Where it is not content even with
            that, what it says of the faulty one says nothing.
        faulty: What it did with the faulty model.
    """
    if not same.content:
        return "cannot be shown"
    return "missed" if faulty.content else "caught"


def said(log: str, telling: str) -> str:
    """Return the last line of ``log`` in which the pattern ``telling`` is found, from there on."""
    plain = COLOUR.sub("", log)
    found = [one.group().strip() for one in re.finditer(telling, plain, re.MULTILINE)]
    return found[-1][:LONGEST] if found else ""
