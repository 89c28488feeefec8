"""Progress of a long step and remarks about assumptions, sent to a reporter."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Reporter", "Silent", "collect_remarks", "note", "remark", "reporting_to", "track"]

T = TypeVar("T")


class Reporter(Protocol):
    """A display of progress."""

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        """Yield ``items`` and show how many of ``total`` are done."""
        ...

    def note(self, text: str) -> None:
        """Show one line."""
        ...

    def remark(self, text: str) -> None:
        """Show an assumption that a stage made."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:  # noqa: ARG002
        """Yield ``items``."""
        yield from items

    def note(self, text: str) -> None:
        """Do nothing."""

    def remark(self, text: str) -> None:
        """Do nothing."""


_remarks: ContextVar[list[str] | None] = ContextVar("remarks", default=None)
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
    """Yield ``items`` and report how many of ``total`` are done."""
    return _reporter.get().track(items, what, total)


def note(text: str) -> None:
    """Report one line of text."""
    _reporter.get().note(text)


def remark(text: str) -> None:
    """Record an assumption that a stage made, once; it becomes a note of the report.

    Outside :func:`collect_remarks` it is only shown.
    """
    remarks = _remarks.get()
    if remarks is None:
        _reporter.get().remark(text)
    elif text not in remarks:
        remarks.append(text)


@contextmanager
def collect_remarks() -> Iterator[list[str]]:
    """Provide the list of remarks made inside the block; show them if the block fails."""
    remarks: list[str] = []
    token = _remarks.set(remarks)
    try:
        yield remarks
    except BaseException:
        for text in remarks:
            _reporter.get().remark(text)
        raise
    finally:
        _remarks.reset(token)
