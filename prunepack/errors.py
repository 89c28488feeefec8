"""Errors that a person reads: four fields, one exit code per kind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = [
    "CorruptArtifactError",
    "LimitExceededError",
    "PrunepackError",
    "RefusedError",
    "UnsupportedArtifactError",
    "UsageError",
    "inside",
    "inside_artifact",
]

FETCH_AGAIN = "Fetch the artifact again; if it stays so, pack the model anew"


class PrunepackError(Exception):
    """Says what happened, what was expected and found, and what to do.

    Args:
        what: What happened, with the file, tensor, layer or option it happened to.
        expected: What would have been right.
        found: What was there instead.
        hint: What the reader of the message can do about it.
        where: The parts around the place, from the outermost to the innermost.

    Attributes:
        what: As given.
        expected: As given, as text; None where there is none.
        found: As given, as text; None where there is none.
        hint: As given.
        where: As given.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
        where: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.expected = None if expected is None else str(expected)
        self.found = None if found is None else str(found)
        self.hint = hint
        self.where = where

    def within(self, part: str, *, hint: str | None = None) -> Self:
        """Return the same error with ``part`` around its place, and ``hint`` if there is one."""
        return type(self)(
            self.what,
            expected=self.expected,
            found=self.found,
            hint=hint or self.hint,
            where=(part, *self.where),
        )

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
            "hint": self.hint,
            "where": list(self.where),
        }

    def __str__(self) -> str:
        """Return all fields in one line, for logs and tracebacks."""
        sides = (("expected", self.expected), ("found", self.found))
        compared = ", ".join(f"{word} {side}" for word, side in sides if side is not None)
        message = ": ".join([*self.where, self.what, *([compared] if compared else [])])
        return f"{message}. {self.hint}" if self.hint else message


class UsageError(PrunepackError):
    """A command, an option, a config or a path is not what it must be."""

    exit_code = 2


class RefusedError(PrunepackError):
    """An input cannot be processed; nothing was written."""

    exit_code = 4


class CorruptArtifactError(RefusedError):
    """Bytes of an artifact contradict each other or the format."""


class UnsupportedArtifactError(RefusedError):
    """The artifact needs something that this version does not know."""


class LimitExceededError(RefusedError):
    """Reading on would take more memory or more entries than the caller allows."""


@contextmanager
def inside(part: str) -> Iterator[None]:
    """Name ``part`` (a tensor, a chunk, a stream) in every refusal raised in the block."""
    try:
        yield
    except RefusedError as error:
        raise error.within(part) from error


@contextmanager
def inside_artifact(path: str) -> Iterator[None]:
    """Name the artifact in every refusal, and say what to do about a corrupt one."""
    try:
        yield
    except RefusedError as error:
        hint = FETCH_AGAIN if isinstance(error, CorruptArtifactError) else None
        raise error.within(path, hint=hint) from error
