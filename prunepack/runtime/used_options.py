"""Session options that already have the weights of a session, and cannot serve another one."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.runtime.ort_types import SessionOptions

__all__ = ["claim_options", "read_entry", "refuse_used"]

MARK = "prunepack.used"
"""Entry of options that served a session; onnxruntime ignores it, and copies have it too."""

_lock = Lock()


@contextmanager
def claim_options(options: SessionOptions) -> Iterator[None]:
    """Mark options as those of one session while it starts, and from then on if it has started.

    Raises:
        UsageError: If they already are those of another one.
    """
    with _lock:
        refuse_used(options)
        options.add_session_config_entry(MARK, "1")
    try:
        yield
    except BaseException:
        options.add_session_config_entry(MARK, "")
        raise


def refuse_used(options: SessionOptions) -> None:
    """Refuse options that have the weights of another session.

    Raises:
        UsageError: If they have.
    """
    if read_entry(options, MARK):
        raise UsageError(
            "the session options belong to another session",
            expected="options that served no other session",
            hint="Make new SessionOptions for each session",
        )


def read_entry(options: SessionOptions, key: str) -> str | None:
    """Return the value of an entry, or None if there is none."""
    with suppress(RuntimeError):
        return options.get_session_config_entry(key)
    return None
