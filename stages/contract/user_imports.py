"""Import path of user code: each folder sees its own modules first, as a Python script does."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = [
    "add_module",
    "find_module",
    "find_package_base",
    "import_anew",
    "import_from",
    "remove_module",
]

_modules: dict[Path, dict[str, ModuleType]] = {}
"""Folder → the modules that user code imported from it, by their names in ``sys.modules``."""


@contextmanager
def import_from(folder: Path) -> Iterator[None]:
    """Let imports inside the block find the modules in ``folder`` first.

    The working folder comes last on the path. Modules that the user code of another folder
    imported are hidden inside the block, so two folders may have modules of the same name. A
    module of the working folder, or of the folder that holds the package ``folder``, stays visible
    unless ``folder`` has one of that name. No bytecode is written: Python takes it for current if
    size and second of the last edit are equal.
    """
    folder, working = folder.resolve(), Path.cwd().resolve()
    entries = _hide_entries(folder)
    modules = _hide_modules(folder, (working, find_package_base(folder)))
    known = set(sys.modules)
    sys.modules.update(_modules.setdefault(folder, {}))
    sys.path.insert(0, str(folder))
    _append_entry(str(working))
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for entry in (str(folder), *entries):  # for imports that user code makes when it is called
            _append_entry(entry)
        for home in (folder, working):
            _modules.setdefault(home, {}).update(_imported_from(home, known))
        for name, module in modules.items():
            sys.modules.setdefault(name, module)


@contextmanager
def import_anew(folder: Path) -> Iterator[None]:
    """Let user code in ``folder`` be imported anew inside the block, as in another process."""
    folder = folder.resolve()
    own = _modules.pop(folder, {})
    _remove_modules(own)
    try:
        yield
    finally:
        _remove_modules(_modules.pop(folder, {}))
        _modules[folder] = own
        sys.modules.update(own)


def _remove_modules(modules: dict[str, ModuleType]) -> None:
    for name, module in modules.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


def find_package_base(folder: Path) -> Path:
    """Return the folder above the outermost package that holds ``folder``, or ``folder``."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def find_module(folder: Path, name: str) -> ModuleType | None:
    """Return the module ``name`` that user code imported from ``folder``, or None."""
    return _modules.get(folder.resolve(), {}).get(name)


def add_module(folder: Path, name: str, module: ModuleType) -> None:
    """Make ``module`` the module ``name`` of ``folder``, unless the name is imported elsewhere."""
    own = _modules.setdefault(folder.resolve(), {})
    if name in own or name not in sys.modules:
        own[name] = sys.modules[name] = module


def remove_module(folder: Path, module: ModuleType) -> None:
    """Undo :func:`add_module`."""
    own = _modules[folder.resolve()]
    for name in [name for name, value in own.items() if value is module]:
        del own[name]
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _append_entry(entry: str) -> None:
    if entry not in sys.path:
        sys.path.append(entry)


def _hide_entries(folder: Path) -> list[str]:
    """Take the folders of other user code off the import path and return them."""
    others = {str(other) for other in _modules if other != folder}
    hidden = [entry for entry in sys.path if entry in others]
    sys.path[:] = [entry for entry in sys.path if entry not in others]
    return hidden


def _hide_modules(folder: Path, shared: tuple[Path, ...]) -> dict[str, ModuleType]:
    """Take the modules of other folders out of ``sys.modules`` and return them."""
    hidden: dict[str, ModuleType] = {}
    for owner, modules in _modules.items():
        for name, module in modules.items():
            is_shared = owner in shared and not _has_module(folder, _top(name))
            if owner != folder and not is_shared and sys.modules.get(name) is module:
                hidden[name] = sys.modules.pop(name)
    return hidden


def _has_module(folder: Path, name: str) -> bool:
    """Return whether ``folder`` holds a module or a package called ``name``."""
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _imported_from(folder: Path, known: set[str]) -> dict[str, ModuleType]:
    """Return the modules of ``folder`` in ``sys.modules`` whose names are not in ``known``."""
    return {
        name: module
        for name, module in sys.modules.items()
        if name not in known and _lies_in(sys.modules.get(_top(name)), folder)
    }


def _lies_in(module: ModuleType | None, folder: Path) -> bool:
    """Return whether the top-level ``module`` is a file or a package directly in ``folder``."""
    file = getattr(module, "__file__", None)
    if file is None:
        places = getattr(module, "__path__", ())
        return any(Path(place).parent == folder for place in places)
    path = Path(file)
    return folder == (path.parent.parent if path.name == "__init__.py" else path.parent)


def _top(name: str) -> str:
    return name.partition(".")[0]
