"""Environment variables that user code reads while a stage runs."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.reads.packages import is_own_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["find_changed_variables", "hash_variables", "watch_variables"]

ACCESSORS = frozenset({"os", "collections.abc", "_collections_abc", "posixpath", "ntpath"})
"""Modules that look a variable up for their caller, such as in ``os.path.expandvars``."""

SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "TERM", "COLUMNS", "LINES"})
"""Variables in which a shell keeps its own state. A program that copies all variables has read
them all, but these differ from terminal to terminal."""

_watching: list[set[str]] = []


@contextmanager
def watch_variables(names: set[str]) -> Iterator[None]:
    """Add the names of the variables that user code reads inside the block to ``names``."""
    _install_hook()
    _watching.append(names)
    try:
        yield
    finally:
        _watching.pop()


def hash_variables(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of the value of each variable; empty for one that is not set.

    Values may be secrets, so they are not stored themselves.
    """
    return {name: _hash(environment.get(name)) for name in sorted(names)}


def find_changed_variables(
    variables: Mapping[str, str], environment: Mapping[str, str]
) -> list[str]:
    """Return each variable of :func:`hash_variables` whose value is now another one."""
    now = hash_variables(variables, environment)
    changed = (name for name, digest in variables.items() if now[name] != digest)
    return [f"environment variable {name}" for name in changed]


def _hash(value: str | None) -> str:
    return "" if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()


@cache
def _install_hook() -> None:
    """Let ``os.environ`` notice each reading, once; Python has no audit event for it."""
    mapping = type(os.environ)
    read = mapping.__getitem__

    @wraps(read)
    def read_noticed(self: Any, name: Any) -> Any:
        if _watching and name not in SHELL and _is_read_by_user():
            for names in _watching:
                names.add(name)
        return read(self, name)

    mapping.__getitem__ = read_noticed  # type: ignore[method-assign]


def _is_read_by_user() -> bool:
    """Return whether the code that asks for a variable is user code."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") in ACCESSORS:
        frame = frame.f_back
    return not is_own_file(frame.f_code.co_filename)
