"""Code closure of a stage: the source files that it can execute; their digests are in its key."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.pipeline.keys.digests import file_digest
from prunepack.pipeline.keys.imports import FIRST_PARTY, read_imports
from prunepack.stages.contract.user_code import find_source, import_folder
from prunepack.stages.contract.user_imports import find_package_base

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "PLUGIN_PACKAGES",
    "hash_code_closure",
    "hash_first_party",
    "hash_user_code",
    "list_first_party",
]

PLUGIN_PACKAGES = frozenset(
    {
        "prunepack.coding.codecs",
        "prunepack.coding.compressors",
        "prunepack.coding.native",
        "prunepack.stages.data.datasets",
        "prunepack.stages.models.builtin",
        "prunepack.stages.pruning.methods",
        "prunepack.stages.reporting.page",
    }
)
"""Packages that find their modules by listing their folder, or that hold C source or templates:
each stands for all of its files."""


def hash_code_closure(module: str) -> dict[str, str]:
    """Return the SHA-256 of each source file that ``module`` can execute, by a name to show.

    Raises:
        RuntimeError: If ``module`` is not in a file.
    """
    if module.split(".", maxsplit=1)[0] in FIRST_PARTY:
        search = _Search(())
        return search.closure(dict(search.files_of(module)))
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise RuntimeError(
            f"the stages of {module} have no key: expected a source file, found none. "
            "Define them in a file"
        )
    return _closure_of(Path(file).resolve())


def hash_first_party() -> dict[str, str]:
    """Return the SHA-256 of every first-party source file, as it is now."""
    return {name: file_digest(file) for name, file in list_first_party().items()}


@cache
def list_first_party() -> dict[str, Path]:
    """Return every first-party source file, by the name to show; listed once per process."""
    homes = [
        (package, home)
        for package in (*FIRST_PARTY, *_grafts())
        if (home := _home(package)) is not None
    ]
    return {name: file for package, home in homes for name, file in _listing(package, home).items()}


def hash_user_code(reference: str) -> dict[str, str]:
    """Return the SHA-256 of each file that the user's ``reference`` can execute.

    Imports are followed inside the user's project: the folder of the file or of its outermost
    package, and the working folder. An installed package counts by its list of files and hashes.

    Raises:
        UsageError: If there is no such file or module.
    """
    path = find_source(reference).resolve()
    if not path.is_file():
        return {reference: "built into Python"}
    own = {reference: file_digest(path)}
    if _is_installed(path):
        return own | _distributions(path)
    found = _closure_of(path, import_folder(reference).resolve())
    del found[_name(path)]
    return own | found


# Places and names of files.


def _grafts() -> tuple[str, ...]:
    """Return the sub-packages whose folder need not lie in that of their parent.

    In a checkout ``prunepack.stages`` is the folder ``stages``, beside ``prunepack``.
    """
    return tuple(f"{top}.{name}" for top in FIRST_PARTY for name in ("stages", "pipeline"))


@cache
def _home(package: str) -> Path | None:
    """Return the folder of ``package``."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _name(path: Path) -> str:
    return path.relative_to(find_package_base(path.parent)).as_posix()


def _closure_of(path: Path, *folders: Path) -> dict[str, str]:
    """Return the digests of ``path``, which is not first-party, and of its imports.

    ``folders`` come first on its import path.
    """
    roots = () if _is_installed(path) else (*folders, find_package_base(path.parent), Path.cwd())
    return _Search(roots).closure({_name(path): path})


def _is_package(folder: Path) -> bool:
    """Return whether ``folder`` is a package; a module of its name precedes a bare folder."""
    return (folder / "__init__.py").is_file() or (
        folder.is_dir() and not folder.with_suffix(".py").is_file()
    )


def _listing(package: str, folder: Path) -> dict[str, Path]:
    """Return every file of ``package`` save hidden and compiled ones, by the name to show."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    inside = ((path.relative_to(folder), path) for path in paths)
    prefix = package.replace(".", "/")
    return {f"{prefix}/{name.as_posix()}": path for name, path in inside if not _is_hidden(name)}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _is_installed(path: Path) -> bool:
    """Return whether Python or pip installed ``path``, so that nobody edits it."""
    in_python = path.is_relative_to(Path(sysconfig.get_path("stdlib")).resolve())
    return in_python or not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _distributions(path: Path) -> dict[str, str]:
    """Return a digest of the files of each distribution that ``path`` can belong to."""
    top = _name(path).split("/")[0].removesuffix(".py")
    names = sorted(set(packages_distributions().get(top, ())))
    records = {name: distribution(name).read_text("RECORD") or "" for name in names}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in records.items()}


@dataclass(frozen=True, slots=True)
class _Search:
    """Search for modules: first-party modules at home, all others under ``roots``."""

    roots: tuple[Path, ...]

    def closure(self, start: Mapping[str, Path]) -> dict[str, str]:
        """Return the digests of the files in ``start`` and of all that their imports execute."""
        found: dict[str, Path] = {}
        asked: set[str] = set()
        todo = dict(start)
        while todo:
            found |= todo
            modules = [(name, path) for name, path in todo.items() if path.suffix == ".py"]
            dotted = {one for name, path in modules for one in read_imports(name, path).imports}
            files = (file for one in dotted - asked for file in self.files_of(one))
            todo = {name: path for name, path in files if name not in found}
            asked |= dotted
        return {name: file_digest(path) for name, path in sorted(found.items())}

    def files_of(self, dotted: str) -> Iterator[tuple[str, Path]]:
        """Yield the files that ``import dotted`` executes; it may end in a name in a module."""
        package, folder = "", None
        for part in dotted.split("."):
            inner = f"{package}.{part}" if package else part
            below = self._folder_of(inner, folder)
            if below is None:
                if folder is not None or not package:
                    yield from self._module(package, folder, part)
                return
            package, folder = inner, below
            if package in PLUGIN_PACKAGES:
                yield from _listing(package, folder).items()
                return
            yield from _if_file(package, folder / "__init__.py")

    def _folder_of(self, package: str, parent: Path | None) -> Path | None:
        """Return the folder of ``package``, which lies in the package at ``parent`` if any."""
        if package in (*FIRST_PARTY, *_grafts()):
            return _home(package)
        if parent is not None:
            folder = parent / package.rpartition(".")[2]
        elif (root := self._root_of(package)) is not None:
            folder = root / package
        else:
            return None
        return folder if _is_package(folder) else None

    def _root_of(self, top: str) -> Path | None:
        found = (r for r in self.roots if (r / f"{top}.py").is_file() or _is_package(r / top))
        return next(found, None)

    def _module(self, package: str, folder: Path | None, name: str) -> Iterator[tuple[str, Path]]:
        """Yield the module ``name`` in ``folder``, or the modules that the package loads for it."""
        folder = folder or self._root_of(name)
        if folder is None:
            return
        if (folder / f"{name}.py").is_file():
            yield from _if_file(package, folder / f"{name}.py")
            return
        for shown, init in _if_file(package, folder / "__init__.py") if package else ():
            lazy = read_imports(shown, init).lazy
            for target in lazy.values() if name == "*" else filter(None, [lazy.get(name)]):
                yield from self.files_of(target)


def _if_file(package: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield ``path`` with the name to show, if it is a file."""
    if path.is_file():
        yield "/".join([*package.split("."), path.name]).lstrip("/"), path
