"""The user's own code, named as ``package.module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import near

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = [
    "InputData",
    "InputFile",
    "PointsAt",
    "Reference",
    "is_reference",
    "load_reference",
    "source_of",
]


@dataclass(frozen=True, slots=True)
class PointsAt:
    """Marks a field that names something outside its config, which a stage's key has to cover."""

    what: Literal["code", "file", "data"]


def is_reference(text: str) -> bool:
    """Say whether ``text`` names the user's code, not a built-in."""
    return ":" in text


def _split(reference: str) -> tuple[str, str]:
    where, _, name = reference.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(
            f"{reference!r} is not a reference: expected package.module:name or file.py:name"
        )
    return where, name


def _checked(text: str) -> str:
    if is_reference(text):
        _split(text)
    return text


Reference = Annotated[str, AfterValidator(_checked), PointsAt("code")]
"""A built-in's name, or the user's code; a stage's key covers the source it points at."""

InputFile = Annotated[Path, PointsAt("file")]
"""A file that a config names; a stage's key covers its contents."""

InputData = Annotated[str, AfterValidator(_checked), PointsAt("data")]
"""A file, a folder or the user's code that gives samples; a stage's key covers what is in it."""


def source_of(reference: str) -> Path:
    """Return the source file that ``reference`` points at, without importing anything.

    Raises:
        UsageError: If there is no such file or module.
    """
    where, _ = _split(reference)
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            raise UsageError(
                f"{reference} cannot be loaded",
                expected=f"a file {where}",
                found="none",
                hint=f"Paths are relative to the working folder, {Path.cwd()}.",
            )
        return path
    _see_working_folder()
    spec = _spec_of(where)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"{reference} cannot be loaded",
            expected=f"a module {where}",
            found="none on the import path",
            hint="Install its package, or name a file: path/to/file.py:name.",
        )
    return Path(spec.origin)


def _spec_of(module: str) -> ModuleSpec | None:
    """Find ``module`` on the import path; unlike ``find_spec``, import no package it is in."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None
    name = top
    for part in rest:
        name = f"{name}.{part}"
        inside = spec.submodule_search_locations if spec else None
        spec = _spec_inside(name, inside) if inside is not None else None
    return spec


def _spec_inside(module: str, folders: Iterable[str]) -> ModuleSpec | None:
    """Ask every finder for ``module``; editable installs bring finders of their own."""
    specs = (finder.find_spec(module, [*folders]) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def load_reference(reference: str) -> Any:
    """Import the user's code and return the object that ``reference`` names.

    Raises:
        UsageError: If it is not there, or its module fails to import.
    """
    where, name = _split(reference)
    path = source_of(reference)
    try:
        module = _import_file(path) if where.endswith(".py") else importlib.import_module(where)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{reference} cannot be loaded", found=f"{type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, name):
        public = [word for word in vars(module) if not word.startswith("_")]
        raise UsageError(f"{path} defines no {name!r}", hint=near(name, public))
    return getattr(module, name)


def _see_working_folder() -> None:
    """Let ``module:name`` find a package beside the user, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def _import_file(path: Path) -> ModuleType:
    """Import one file under a name of its own, the same for the same contents."""
    name = f"prunepack_user_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python source")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
