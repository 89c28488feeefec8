"""Which source files a stage can execute; their digests are part of its key.

They are found by reading, never by importing: every import in a file counts, at its top or inside
a function, except below ``if TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stages.references import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["file_digest", "first_party", "reachable", "user_sources"]

FIRST_PARTY = ("stages", "prunepack")


def reachable(module: str) -> dict[str, str]:
    """Return the SHA-256 of each source file that ``module`` can execute, by a name to show.

    A package inside a first-party package, such as ``stages.pruning``, finds its modules by
    listing its folder, so it stands for every file there, data included.

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


def first_party() -> dict[str, str]:
    """Return the SHA-256 of every first-party source file, as it is now."""
    homes = [(top, home) for top in FIRST_PARTY if (home := _home(top))]
    files = ((home, file) for top, home in homes for file in _listing(home / top))
    return {file.relative_to(home).as_posix(): file_digest(file) for home, file in files}


def user_sources(reference: str) -> dict[str, str]:
    """Return the SHA-256 of each file that the user's ``reference`` can execute.

    Imports are followed inside the user's project: the folder of the file or of its outermost
    package, and the working folder. An installed package counts by its list of files and hashes.

    Raises:
        UsageError: If there is no such file or module.
    """
    path = source_of(reference).resolve()
    if not path.is_file():
        return {reference: "built into Python"}
    own = {reference: file_digest(path)}
    if _is_installed(path):
        return own | _distributions(path)
    found = _closure_of(path)
    del found[_name(path)]
    return own | found


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file; one that did not change is read once per process."""
    stat = path.stat()
    return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@cache
def _digest(path: Path, _state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Files: where they are and what they are called.


@cache
def _home(top: str) -> Path | None:
    """Return the folder that holds the package ``top``."""
    spec = find_spec(top)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]).parent if places else None


def _base(path: Path) -> Path:
    """Return the folder that ``path`` is imported from: above its outermost package."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _name(path: Path) -> str:
    return path.relative_to(_base(path)).as_posix()


def _closure_of(path: Path) -> dict[str, str]:
    """Return the digests of ``path``, which is not first-party, and of what it imports."""
    roots = () if _is_installed(path) else (_base(path), Path.cwd())
    return _Search(roots).closure({_name(path): path})


def _is_package(folder: Path) -> bool:
    """Say whether ``folder`` is a package: a module of its name goes before a bare folder."""
    return (folder / "__init__.py").is_file() or (
        folder.is_dir() and not folder.with_suffix(".py").is_file()
    )


def _listing(folder: Path) -> list[Path]:
    """Return every file under ``folder`` save hidden and compiled ones."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if not _is_hidden(path.relative_to(folder))]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _is_installed(path: Path) -> bool:
    """Say whether ``path`` came with Python or with pip, so that nobody edits it."""
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
    """Finds modules: first-party ones at home, all others under ``roots``."""

    roots: tuple[Path, ...]

    def closure(self, start: Mapping[str, Path]) -> dict[str, str]:
        """Return the digests of the files in ``start`` and of all that their imports execute."""
        found: dict[str, Path] = {}
        asked: set[str] = set()
        todo = dict(start)
        while todo:
            found |= todo
            modules = [(name, path) for name, path in todo.items() if path.suffix == ".py"]
            dotted = {one for name, path in modules for one in _read(name, path).imports}
            files = (file for one in dotted - asked for file in self.files_of(one))
            todo = {name: path for name, path in files if name not in found}
            asked |= dotted
        return {name: file_digest(path) for name, path in sorted(found.items())}

    def files_of(self, dotted: str) -> Iterator[tuple[str, Path]]:
        """Yield what importing ``dotted`` executes; it may end in a name inside a module."""
        top, *rest = dotted.split(".")
        home = self._home_of(top)
        if home is None:
            return
        folder = home
        for part in (top, *rest):
            if not _is_package(folder / part):
                yield from self._module(home, folder, part)
                return
            is_leaf = folder != home and top in FIRST_PARTY
            folder /= part
            files = _listing(folder) if is_leaf else _if_file(folder / "__init__.py")
            yield from ((path.relative_to(home).as_posix(), path) for path in files)
            if is_leaf:
                return

    def _home_of(self, top: str) -> Path | None:
        if top in FIRST_PARTY:
            return _home(top)
        found = (r for r in self.roots if (r / f"{top}.py").is_file() or _is_package(r / top))
        return next(found, None)

    def _module(self, home: Path, folder: Path, name: str) -> Iterator[tuple[str, Path]]:
        """Yield the module ``name`` in ``folder``, or what the package loads for that name."""
        if (folder / f"{name}.py").is_file():
            yield (folder / f"{name}.py").relative_to(home).as_posix(), folder / f"{name}.py"
            return
        for init in _if_file(folder / "__init__.py"):
            lazy = _read(init.relative_to(home).as_posix(), init).lazy
            for target in lazy.values() if name == "*" else filter(None, [lazy.get(name)]):
                yield from self.files_of(target)


def _if_file(path: Path) -> list[Path]:
    return [path] if path.is_file() else []


# Imports: what a file says.


@dataclass(frozen=True, slots=True)
class _Source:
    """What one file imports.

    Attributes:
        imports: Dotted names, absolute. ``x.*`` is everything that ``x`` can load.
        lazy: What the file's ``__getattr__`` loads, by name, as its TYPE_CHECKING imports say.
    """

    imports: frozenset[str]
    lazy: Mapping[str, str]


def _read(name: str, path: Path) -> _Source:
    package = ".".join(name.split("/")[:-1])
    return _parsed(path, package, file_digest(path))


@cache
def _parsed(path: Path, package: str, _digest: str) -> _Source:
    text = path.read_bytes()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return _Source(frozenset(), {})  # nor can it be executed
    pairs = (pair for node in _statements(tree.body) for pair in _imported(node, package))
    quoted = (f"{quote}{top}.".encode() for quote in "\"'" for top in FIRST_PARTY)
    literals = _named_modules(tree) if any(start in text for start in quoted) else ()
    imports = frozenset(dotted for _, dotted in pairs).union(literals)
    is_lazy = any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)
    return _Source(imports, _lazy(tree, package) if is_lazy else {})


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield every statement that can run, however deep."""
    for node in nodes:
        yield node
        blocks = ("orelse",) if _is_type_checking(node) else _BLOCKS
        for block in blocks:
            yield from _statements(getattr(node, block, ()))


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    return getattr(node.test, "attr", getattr(node.test, "id", None)) == "TYPE_CHECKING"


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Yield (name bound, dotted name) for each name that ``node`` imports."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, alias.name
            yield "*", f"{alias.name.split('.')[0]}.*"
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: -(node.level - 1) or None] if node.level else []
        prefix = ".".join([*parents, *([node.module] if node.module else [])])
        for alias in node.names:
            yield alias.asname or alias.name, f"{prefix}.{alias.name}"


def _named_modules(tree: ast.Module) -> set[str]:
    """Return the strings that name a first-party module, as for ``import_module``.

    ``f"stages.models.{name}"`` names the package.
    """
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    dotted = {value.rstrip(".") for value in values if isinstance(value, str)}
    named = (text for text in dotted if text.split(".")[0] in FIRST_PARTY)
    return {text for text in named if all(part.isidentifier() for part in text.split("."))}


def _lazy(tree: ast.Module, package: str) -> dict[str, str]:
    guards = (node for node in tree.body if isinstance(node, ast.If) and _is_type_checking(node))
    pairs = (pair for guard in guards for node in guard.body for pair in _imported(node, package))
    return {bound: dotted for bound, dotted in pairs if dotted != f"{package}.{bound}"}
