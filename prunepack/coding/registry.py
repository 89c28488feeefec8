"""Closed sets of codecs and of compressors: one implementation per module of a package."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["load_implementations"]

T = TypeVar("T")


def load_implementations(package: str, path: Iterable[str], contract: type[T]) -> Mapping[str, T]:
    """Return an instance of the only subclass of ``contract`` in each module of ``package``.

    The result has the instances by module name, sorted. A name from an artifact is only ever a key
    of this mapping. ``path`` is the ``__path__`` of the package.
    """
    instances: dict[str, T] = {}
    for name in sorted(info.name for info in iter_modules(path)):
        module = import_module(f"{package}.{name}")
        own = (v for v in vars(module).values() if getattr(v, "__module__", "") == module.__name__)
        (implementation,) = (v for v in own if isinstance(v, type) and issubclass(v, contract))
        instances[name] = implementation()
    return MappingProxyType(instances)
