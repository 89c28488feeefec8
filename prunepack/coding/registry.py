"""Closed sets of named parts: each module of a package provides one."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["collect"]

T = TypeVar("T")


def collect(package: str, path: Iterable[str], kind: type[T]) -> Mapping[str, T]:
    """Build the one subclass of ``kind`` that each module of ``package`` defines.

    Args:
        package: Dotted name of the package.
        path: Its ``__path__``.
        kind: The contract.

    Returns:
        Module name to instance, sorted by name. A name read from a file is only ever a key here.
    """
    found: dict[str, T] = {}
    for name in sorted(info.name for info in iter_modules(path)):
        module = import_module(f"{package}.{name}")
        own = (v for v in vars(module).values() if getattr(v, "__module__", "") == module.__name__)
        (part,) = (v for v in own if isinstance(v, type) and issubclass(v, kind))
        found[name] = part()
    return MappingProxyType(found)
