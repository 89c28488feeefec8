"""User code named in a recipe: ``package.module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from prunepack.errors import UsageError, quote
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.user_effects import contain_effects
from prunepack.stages.contract.user_imports import (
    add_module,
    find_module,
    find_package_base,
    import_from,
    remove_module,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = [
    "CodeName",
    "InputData",
    "InputFile",
    "PointsAt",
    "find_source",
    "import_folder",
    "is_library_model",
    "is_model_file",
    "is_user_code",
    "load_user_code",
    "split_library",
]

LIBRARIES = ("transformers", "timm", "torchvision")
"""Packages whose models are named as ``package:NAME``, without a function of the user."""


@dataclass(frozen=True, slots=True)
class PointsAt:
    """Mark of a config field that names code, a file or data; a stage's key covers the content."""

    what: Literal["code", "file", "data"]


MODEL_FILES = (".onnx", ".prunepack", ".pt2")
"""Endings of files that are models by themselves."""


def is_model_file(text: str) -> bool:
    """Return whether ``text`` names the file of an ONNX model, an artifact or a program."""
    return text.endswith(MODEL_FILES)


def is_user_code(text: str) -> bool:
    """Return whether ``text`` names user code: not a built-in, a library's model or a file."""
    return ":" in text and not is_library_model(text) and not is_model_file(text)


def is_library_model(text: str) -> bool:
    """Return whether ``text`` names a model of a library, such as ``timm:resnet50.a1_in1k``."""
    return text.partition(":")[0] in LIBRARIES and ":" in text


def split_library(text: str) -> tuple[str, str]:
    """Return the library and the name of a model such as ``transformers:BertConfig``."""
    library, _, name = text.partition(":")
    return library, name


def _split(text: str) -> tuple[str, str]:
    where, _, name = text.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(
            f"{quote(text)} does not name user code: expected package.module:name or file.py:name"
        )
    return where, name


def _check_form(text: str) -> str:
    if is_user_code(text):
        _split(text)
    return text


CodeName = Annotated[str, AfterValidator(_check_form), PointsAt("code")]
"""The name of a built-in, or user code; a stage's key covers the source."""

InputFile = Annotated[Path, PointsAt("file")]
"""A file that a config names; a stage's key covers its content."""

InputData = Annotated[str, AfterValidator(_check_form), PointsAt("data")]
"""A file, a folder or user code that gives samples; a stage's key covers its content."""


def import_folder(text: str) -> Path:
    """Return the folder in which the user code ``text`` finds its own modules first.

    It is the folder of the file, as for ``python file.py``, or the working folder, as for
    ``python -m package.module``.
    """
    where, _ = _split(text)
    return Path(where).parent if where.endswith(".py") else Path.cwd()


def find_source(text: str) -> Path:
    """Return the source file of the user code ``text``, without importing it.

    Raises:
        UsageError: If there is no such file or module.
    """
    where, _ = _split(text)
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            raise UsageError(
                f"`{text}` cannot be loaded",
                expected=f"a file {where}",
                found="none",
                hint=f"Give a path relative to the working folder, `{Path.cwd()}`",
            )
        return path
    with import_from(import_folder(text)):
        spec = _find_spec(where)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"`{text}` cannot be loaded",
            expected=f"a module {where}",
            found="none on the import path",
            hint="Install its package, or name a file: path/to/file.py:name",
        )
    return Path(spec.origin)


def _find_spec(module: str) -> ModuleSpec | None:
    """Find ``module`` on the import path; unlike importlib, do not import its parents."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None
    name = top
    for part in rest:
        name = f"{name}.{part}"
        inside = spec.submodule_search_locations if spec else None
        spec = _find_submodule(name, inside) if inside is not None else None
    return spec


def _find_submodule(module: str, folders: Iterable[str]) -> ModuleSpec | None:
    """Ask every finder for ``module``; editable installs bring finders of their own."""
    specs = (finder.find_spec(module, [*folders]) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def load_user_code(text: str) -> Any:
    """Import the user code ``text`` and return the object that it names.

    Raises:
        UsageError: If it does not exist, or its module cannot be imported.
    """
    where, name = _split(text)
    path, folder = find_source(text), import_folder(text)
    try:
        with import_from(folder), contain_effects():
            module = _import_file(path) if where.endswith(".py") else importlib.import_module(where)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"`{text}` cannot be loaded", found=f"{type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, name):
        public = [word for word in vars(module) if not word.startswith("_")]
        raise UsageError(f"`{path}` defines no {quote(name)}", hint=suggest_name(name, public))
    value = getattr(module, name)
    return _call_from(folder, value) if isinstance(value, FunctionType) else value


def _call_from(folder: Path, function: FunctionType) -> Any:
    """Return ``function`` so that it finds the modules in ``folder`` and leaves no side effect."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with import_from(folder), contain_effects():
            return function(*args, **kwargs)

    return call


def _import_package(folder: Path) -> str:
    """Import the package ``folder`` and return its name with a dot; empty outside packages."""
    base = find_package_base(folder)
    if base == folder:
        return ""
    name = ".".join(folder.relative_to(base).parts)
    with import_from(base):
        importlib.import_module(name)
    return f"{name}."


def _import_file(path: Path) -> ModuleType:
    """Import one file once per content; modules beside it share the import.

    The name in ``sys.modules`` depends on folder and content. For modules beside the file it is
    also the file's stem, as an ordinary import would call it. A file of a package is imported in
    its package, so that relative imports work.
    """
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest()
    name = f"{_import_package(path.parent)}prunepack_user_{digest[:16]}"
    beside = find_module(path.parent, path.stem)
    if name in sys.modules:
        return sys.modules[name]
    if beside is not None and beside.__name__ == path.stem:
        return beside
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"`{path}` is not Python source")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    add_module(path.parent, path.stem, module)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        remove_module(path.parent, module)
        raise
    return module
