"""Signals that end a command: its scratch is removed, and it exits with 128 + the signal.

SIGTERM (CI systems cancel with it) and SIGHUP (a terminal that closes) end a command as SIGINT
(Ctrl-C) does. This module imports little, so that it can be the first of a process.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False  # not from typing, which takes as long to load as all others together
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["exit_at_signals", "has_received", "interrupt_at_signals", "report_interruption"]

NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
MESSAGE = "Interrupted; no half-written file was left.\n"

_received: list[int] = []
"""signals so far; the first one decides the exit code."""
_masks: list[set[signal.Signals | int]] = []
"""Signals that were blocked before each fork that is under way."""


def exit_at_signals() -> None:
    """End the process at once at a signal: before a command begins, and after it has ended."""
    _handle(_exit)


def interrupt_at_signals() -> None:
    """Raise ``KeyboardInterrupt`` at the first signal, so that every block can clean up.

    Only Ctrl-C does so again: a CI system sends another signal while the command cleans up.
    """
    _handle(_interrupt)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_block, after_in_parent=_unblock, after_in_child=_restore_defaults
        )


def has_received() -> bool:
    """Return whether a signal has arrived; libraries may have turned its exception into another."""
    return bool(_received)


def report_interruption() -> int:
    """Print that the command was interrupted, and return its exit code."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(MESSAGE)
        sys.stderr.flush()
    return _exit_code()


def _exit_code() -> int:
    return 128 + (_received[0] if _received else signal.SIGINT)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Set a handler for each signal that the process does not ignore, as under ``nohup``."""
    for number in NUMBERS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    with suppress(OSError):  # not by sys.stderr, which may be in the middle of a line
        os.write(2, MESSAGE.encode())
    os._exit(_exit_code())


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1 or number == signal.SIGINT:
        raise KeyboardInterrupt


def _block() -> None:
    """Hold signals back while a process is forked, so that the child gets its own as it should."""
    _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS))


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop())


def _restore_defaults() -> None:
    """Let a forked process, such as one that loads data, end as its library expects."""
    for number in NUMBERS:
        if signal.getsignal(number) in {_exit, _interrupt}:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)
    _unblock()
