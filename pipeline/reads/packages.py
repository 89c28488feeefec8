"""Installed packages: those that a run has imported, and those that prunepack itself needs."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.pipeline.keys.digests import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["find_changed_packages", "is_own_file", "list_imported_packages"]

OWN = "prunepack"
SITES = ("site-packages", "dist-packages")
LISTINGS = (".dist-info", ".egg-info", ".pth", ".egg-link")
"""Endings of files that describe packages; the versions of packages are compared instead."""


def list_imported_packages() -> dict[str, str]:
    """Return the version of each distribution with a module that this process has imported."""
    providers = _list_providers(tuple(sys.path))
    names = {name for module in [*sys.modules] for name in providers.get(module, ())}
    versions = {name: installed_version(name) for name in sorted(names - {OWN})}
    return {name: version for name, version in versions.items() if version}


def find_changed_packages(packages: Mapping[str, str]) -> list[str]:
    """Return each distribution whose version is now another one, with both versions."""
    now = {name: installed_version(name) or "(none)" for name in packages}
    pairs = ((name, old, now[name]) for name, old in packages.items())
    return [f"package {name} {old} → {new}" for name, old, new in pairs if old != new]


def is_own_file(path: str) -> bool:
    """Return whether ``path`` belongs to Python, to prunepack or to a library that it needs.

    Their versions identify them. The files of any other installed package count one by one, since
    users edit them and install them from a checkout.
    """
    top = _find_top(path)
    if top is None:
        return is_below(path, _list_folders())
    if top.endswith(LISTINGS):
        return True
    providers = _list_providers(tuple(sys.path)).get(top.partition(".")[0], ())
    return not _list_libraries().isdisjoint(providers)


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Return whether ``path`` is one of ``folders`` or lies in one."""
    return any(f"{path}{os.sep}".startswith(f"{folder}{os.sep}") for folder in folders)


def _find_top(path: str) -> str | None:
    """Return the name of the module or the folder in ``site-packages`` that ``path`` is part of."""
    parts = Path(path).parts
    places = [index for index, part in enumerate(parts[:-1]) if part in SITES]
    return parts[places[-1] + 1] if places else None


@cache
def _list_providers(path: tuple[str, ...]) -> Mapping[str, list[str]]:  # noqa: ARG001
    """Return the distributions of each top-level module on ``sys.path``, which is ``path``."""
    return packages_distributions()


@cache
def _list_folders() -> tuple[str, ...]:
    """Return the folders of Python and of prunepack."""
    packages = (OWN, f"{OWN}.stages", f"{OWN}.pipeline")
    specs = [spec for name in packages if (spec := find_spec(name))]
    homes = [home for spec in specs for home in spec.submodule_search_locations or ()]
    places = (sysconfig.get_path("stdlib"), *homes)
    return tuple({form for place in places for form in (place, os.path.realpath(place))})


@cache
def _list_libraries() -> frozenset[str]:
    """Return the distributions that prunepack needs, and those that these need."""
    found: set[str] = set()
    todo = {OWN}
    while todo:
        found |= todo
        todo = {name for one in todo for name in _list_requirements(one)} - found
    return frozenset(found)


def _list_requirements(distribution: str) -> set[str]:
    """Return the requirements of a distribution, without those of extras except ``build``."""
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return set()
    needed = (line for line in lines if "extra ==" not in line or _is_build(distribution, line))
    return {match[0] for line in needed if (match := re.match(r"[\w.-]+", line))}


def _is_build(distribution: str, line: str) -> bool:
    return distribution == OWN and re.search(r"extra == .build.", line) is not None
