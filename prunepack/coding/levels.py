"""Effort levels of the writer; a reader does not need them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LEVELS",
    "LEVEL_HELP",
    "Level",
    "LevelName",
    "check_duration",
    "list_levels",
]

LevelName = Literal["fast", "small", "max"]

LEVEL_HELP = (
    "Compression effort: `fast` writes quickly; `small` makes a smaller file; `max` makes the "
    "smallest file, especially for convolutions, but is slow to write and read."
)

TINY_MODEL_ITEMS = 2**16
"""A model with no more items is written and read in a moment at any level."""

SLOW_BYTES = 2**20
"""Python takes a minute to write a dense model of this size at ``max``, half of one to read it."""

FAST_CODECS = ("bitmap", "constant", "dense", "gaps", "groups", "palette", "steps", "zeros")

SMALL_CODECS = (*FAST_CODECS, "signs")


@dataclass(frozen=True, slots=True)
class Level:
    """An effort.

    Attributes:
        codecs: Ids of the codecs that are tried.
        thorough: Whether the streams of the best codec are compressed once more, as small as the
            compressors can.
    """

    codecs: tuple[str, ...]
    thorough: bool


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "fast": Level(FAST_CODECS, thorough=False),
        "small": Level(SMALL_CODECS, thorough=True),
        "max": Level((*SMALL_CODECS, "contexts"), thorough=True),
    }
)
"""Levels by name, from the fastest to the smallest result."""


def list_levels(level: Level, items: int) -> list[Level]:
    """Return the levels from ``fast`` to ``level``, whose results a writer compares.

    A thorough level becomes ``max`` if the model has few items.
    """
    levels = list(LEVELS.values())
    if level.thorough and items <= TINY_MODEL_ITEMS:
        return levels
    return levels[: levels.index(level) + 1]


def check_duration(level: Level, size: int) -> None:
    """Refuse ``max`` for a model of ``size`` bytes that only Python would encode.

    Raises:
        UsageError: If it would take minutes.
    """
    from prunepack.coding.native.context_coder import is_compiled

    if "contexts" in level.codecs and size > SLOW_BYTES and not is_compiled():
        raise UsageError(
            "the level `max` takes minutes without the compiled extension",
            expected=f"a model of at most {SLOW_BYTES:,} bytes",
            found=f"{size:,} bytes",
            hint="Choose `small`, install prunepack where there is a C compiler, or allow it with "
            "`--allow-slow` (in Python, allow_slow=True)",
        )
