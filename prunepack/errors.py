"""Exceptions of all packages: four fields for people, one exit code per kind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = [
    "CorruptArtifactError",
    "LimitExceededError",
    "MissingNameError",
    "OutOfRangeError",
    "PrunepackError",
    "RefusedError",
    "UnsupportedArtifactError",
    "UsageError",
    "inside",
    "inside_artifact",
    "quote",
]

FETCH_AGAIN = "Fetch the artifact again; if the error remains, pack the model again"


class PrunepackError(Exception):
    """An error with the parts of its message as fields.

    Args:
        what: The event, with the file, tensor, layer or option that it concerns.
        expected: The right value.
        found: The actual value.
        hint: Advice that begins with an imperative verb.
        where: Names of the enclosing parts, from the outermost to the innermost.

    Attributes:
        what: The event.
        expected: The right value as text, or None.
        found: The actual value as text, or None.
        hint: The advice, or None.
        where: Names of the enclosing parts.
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
        """Return the same error inside ``part``; ``hint``, if given, replaces its own hint."""
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
    """A command, an option, a config or a path is wrong."""

    exit_code = 2


class MissingNameError(UsageError, KeyError):
    """A tensor or a file has another name; users see a UsageError that is a KeyError too."""


class OutOfRangeError(UsageError, IndexError):
    """An index exceeds a shape; users see a UsageError that is an IndexError too."""


class RefusedError(PrunepackError):
    """An input cannot be processed; nothing was written."""

    exit_code = 4


class CorruptArtifactError(RefusedError):
    """The bytes of an artifact contradict each other or the format."""


class UnsupportedArtifactError(RefusedError):
    """The artifact needs a feature that this version does not have."""


class LimitExceededError(RefusedError):
    """The artifact exceeds a reader limit."""


def quote(name: object) -> str:
    """Return a name in backticks, with escapes for characters that cannot be printed."""
    return f"`{repr(str(name))[1:-1]}`"


@contextmanager
def inside(part: str) -> Iterator[None]:
    """Add ``part`` (a tensor, a chunk, a stream) to every refusal that the block raises."""
    try:
        yield
    except RefusedError as error:
        raise error.within(part) from error


@contextmanager
def inside_artifact(path: str) -> Iterator[None]:
    """Add the artifact to every refusal that the block raises, and a hint to corrupt ones."""
    try:
        yield
    except RefusedError as error:
        hint = FETCH_AGAIN if isinstance(error, CorruptArtifactError) else None
        raise error.within(path, hint=hint) from error
