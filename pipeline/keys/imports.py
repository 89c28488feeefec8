"""Imports of a Python source file, found by reading it, never by importing it.

Every import counts, at the top of a file or inside a function, except below ``if TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from prunepack.pipeline.keys.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["FIRST_PARTY", "Imports", "read_imports"]

FIRST_PARTY = ("prunepack",)
"""Top-level packages of prunepack itself."""


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports of one file.

    Attributes:
        imports: Absolute dotted names; ``x.*`` means all modules that ``x`` can load.
        lazy: The modules that its ``__getattr__`` loads, by name, from its TYPE_CHECKING imports.
    """

    imports: frozenset[str]
    lazy: Mapping[str, str]


def read_imports(name: str, path: Path) -> Imports:
    """Return the imports of the module at ``path``, whose name is ``package/module.py``."""
    package = ".".join(name.split("/")[:-1])
    return _parse(path, package, file_digest(path))


@cache
def _parse(path: Path, package: str, _digest: str) -> Imports:
    text = path.read_bytes()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Imports(frozenset(), {})  # it cannot be executed
    pairs = (pair for node in _statements(tree.body) for pair in _list_names(node, package))
    quoted = (f"{quote}{top}.".encode() for quote in "\"'" for top in FIRST_PARTY)
    literals = _named_modules(tree) if any(start in text for start in quoted) else ()
    imports = frozenset(dotted for _, dotted in pairs).union(literals)
    is_lazy = any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)
    return Imports(imports, _lazy(tree, package) if is_lazy else {})


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


def _list_names(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
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

    ``f"prunepack.stages.models.builtin.{name}"`` names the package.
    """
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    dotted = {value.rstrip(".") for value in values if isinstance(value, str)}
    named = (text for text in dotted if text.split(".")[0] in FIRST_PARTY)
    return {text for text in named if all(part.isidentifier() for part in text.split("."))}


def _lazy(tree: ast.Module, package: str) -> dict[str, str]:
    guards = (node for node in tree.body if isinstance(node, ast.If) and _is_type_checking(node))
    pairs = (pair for guard in guards for node in guard.body for pair in _list_names(node, package))
    return {bound: dotted for bound, dotted in pairs if dotted != f"{package}.{bound}"}
