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
OPTIONAL = frozenset({"colorama", "dill", "opt-einsum", "optree", "tqdm", "triton"})
"""Distributions that torch imports by itself where they are installed."""

REQUIREMENT = re.compile(r"[\w.-]+(\[[\w,-]+\])?")
SITES = ("site-packages", "dist-packages")
DESCRIPTIONS = (".dist-info", ".egg-info")
"""Endings of folders that describe packages; the versions of packages are compared instead."""

LINKS = (".pth", ".egg-link")
"""Endings of files in ``site-packages`` that name folders of packages."""


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
    if any(part.endswith(DESCRIPTIONS) for part in Path(path).parts):
        return True
    if top is None:
        return is_below(path, _list_folders())
    if top.endswith(LINKS):
        return True
    providers = _list_providers(tuple(sys.path)).get(top.partition(".")[0], ())
    return not _list_libraries().isdisjoint(map(_normalize, providers))


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
    """Return the folders of Python and of prunepack, and the command, which tracebacks show."""
    packages = (OWN, f"{OWN}.stages", f"{OWN}.pipeline")
    specs = [spec for name in packages if (spec := find_spec(name))]
    homes = [home for spec in specs for home in spec.submodule_search_locations or ()]
    command = os.path.join(sysconfig.get_path("scripts"), OWN)  # noqa: PTH118 -- a str
    places = (sysconfig.get_path("stdlib"), command, *homes)
    return tuple({form for place in places for form in (place, os.path.realpath(place))})


@cache
def _list_libraries() -> frozenset[str]:
    """Return the distributions that prunepack needs, and those that these need."""
    found: set[str] = set()
    todo = {f"{OWN}[build]"}
    while todo:
        found |= todo
        todo = {name for one in todo for name in _list_requirements(one)} - found
    return OPTIONAL | {_normalize(requirement.partition("[")[0]) for requirement in found}


def _list_requirements(requirement: str) -> set[str]:
    """Return the requirements of a requirement, with those of its extras: ``prunepack[build]``."""
    distribution, _, extras = requirement.rstrip("]").partition("[")
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return set()
    needed = (line for line in lines if _is_needed(line, extras.split(",")))
    return {match[0] for line in needed if (match := REQUIREMENT.match(line))}


def _is_needed(line: str, extras: Iterable[str]) -> bool:
    """Return whether a line of requirements holds without an extra or for one of ``extras``."""
    extra = re.search(r"extra == .([\w-]+)", line)
    return extra is None or extra[1] in extras


def _normalize(distribution: str) -> str:
    """Return the name of a distribution as the package index compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
