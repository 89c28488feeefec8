"""Registries of plug-ins: the modules of a package by name, imported on first use."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import TYPE_CHECKING, Generic, TypeVar

from prunepack.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Registry", "suggest_name"]

T = TypeVar("T")


def suggest_name(word: str, known: Iterable[str]) -> str:
    """Return a hint with the name in ``known`` that is closest to ``word``, or with all names."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"Did you mean {quote(close[0])}?" if close else f"Choose among: {', '.join(names)}"


class Registry(Generic[T]):
    """The modules of a package; each module defines one value of the same name.

    A new entry is a new file: ``Registry("model", "prunepack.stages.models.builtin",
    "MODEL")["x"]`` is ``prunepack.stages.models.builtin.x.MODEL``. Listing the names does not
    import the modules.
    """

    def __init__(self, noun: str, package: str, attribute: str) -> None:
        self._noun, self._package, self._attribute = noun, package, attribute

    def names(self) -> list[str]:
        """Return every name, sorted."""
        paths = importlib.import_module(self._package).__path__
        return sorted(info.name for info in pkgutil.iter_modules(paths))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """Import the entry called ``name``.

        Raises:
            UsageError: If there is no such entry.
        """
        self.check(name)
        module = importlib.import_module(f"{self._package}.{name}")
        value: T = getattr(module, self._attribute)
        return value

    def check(self, name: str) -> str:
        """Return ``name`` if it is an entry.

        Raises:
            UsageError: If it is not an entry.
        """
        if name not in self:
            hint = suggest_name(name, self.names())
            raise UsageError(f"no {self._noun} is named {quote(name)}", hint=hint)
        return name
