"""How hard the writer tries; a reader need not know."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEVELS", "LEVEL_HELP", "Level", "LevelName", "effort", "find_level"]

LevelName = Literal["fast", "small", "max"]

LEVEL_HELP = (
    "fast to write; small; or max: smaller still, above all with convolutions, and slow to write "
    "and to read."
)

TINY = 2**16
"""A model of no more items is coded and decoded in a moment at any level."""

ORDINARY = ("bitmap", "constant", "dense", "gaps", "groups", "palette", "zeros")


@dataclass(frozen=True, slots=True)
class Level:
    """An effort.

    Attributes:
        codecs: Ids of the codecs that are tried.
        thorough: Whether the streams of the best of them are coded again, as small as can be.
    """

    codecs: tuple[str, ...]
    thorough: bool


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "fast": Level(ORDINARY, thorough=False),
        "small": Level(ORDINARY, thorough=True),
        "max": Level((*ORDINARY, "contexts"), thorough=True),
    }
)
"""Levels by name, from the fastest to the smallest result."""


def effort(level: Level, items: int) -> Level:
    """Return the level for a model of so many items: where it takes no time, the best there is."""
    return LEVELS["max"] if level.thorough and items <= TINY else level


def find_level(name: str) -> Level:
    """Return the level ``name``.

    Raises:
        UsageError: If there is none.
    """
    if name not in LEVELS:
        raise UsageError(f"unknown level {name!r}", expected=f"one of {', '.join(LEVELS)}")
    return LEVELS[name]
