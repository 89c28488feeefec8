"""Values that all probes of one process share, such as the outputs of the dense model."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["share", "sharing"]

T = TypeVar("T")

_shared: ContextVar[dict[str, Any] | None] = ContextVar("shared", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Keep shared values inside the block."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


def share(key: str, compute: Callable[[], T]) -> T:
    """Return the value that was computed for ``key`` inside the block, or compute it.

    Outside :func:`sharing` it is computed in every call.

    Args:
        key: Everything that the value depends on.
        compute: Returns the value.
    """
    known = _shared.get()
    if known is None:
        return compute()
    if key not in known:
        known[key] = compute()
    value: T = known[key]
    return value
