"""The errors a person is meant to read; each kind has one exit code."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CorruptArtifactError",
    "LimitExceededError",
    "PrunepackError",
    "RefusedError",
    "UnsupportedArtifactError",
    "UsageError",
]


class PrunepackError(Exception):
    """Says what happened, what was expected and found, and what to do.

    Args:
        what: What happened, with the file, tensor, layer or option it happened to.
        expected: What would have been right.
        found: What was there instead.
        do: What the reader of the message can do about it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        found: object = None,
        do: str | None = None,
    ) -> None:
        sides = {"expected": expected, "found": found}
        compared = ", ".join(f"{word} {side}" for word, side in sides.items() if side is not None)
        message = f"{what}: {compared}" if compared else what
        super().__init__(f"{message}. {do}" if do else message)


class UsageError(PrunepackError):
    """A command, an option, a config or a path is not what it has to be."""

    exit_code = 2


class RefusedError(PrunepackError):
    """An input is not fit to be processed; nothing was written."""

    exit_code = 4


class CorruptArtifactError(RefusedError):
    """Bytes of an artifact contradict each other or the format."""


class UnsupportedArtifactError(RefusedError):
    """The artifact needs something that this version does not know."""


class LimitExceededError(RefusedError):
    """Reading on would take more memory or more entries than the caller allows."""
