"""How a long step tells how far it is, without knowing who is looking."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Reporter", "Silent", "note", "reporting_to", "track"]

T = TypeVar("T")


class Reporter(Protocol):
    """Someone who shows progress."""

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        """Yield ``items``, showing how many of ``total`` are done."""
        ...

    def note(self, text: str) -> None:
        """Show one line."""
        ...


class Silent:
    """Shows nothing."""

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:  # noqa: ARG002
        """Yield ``items``."""
        yield from items

    def note(self, text: str) -> None:
        """Do nothing."""


_reporter: ContextVar[Reporter] = ContextVar("reporter", default=Silent())  # noqa: B039 -- stateless


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Send progress to ``reporter`` inside the block."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield ``items``, telling whoever listens how many of ``total`` are done."""
    return _reporter.get().track(items, what, total)


def note(text: str) -> None:
    """Tell whoever listens one line."""
    _reporter.get().note(text)
