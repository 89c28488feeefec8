"""Names that Python code defines: functions, and every name as words."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def function_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each function that is not a property."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(d).rpartition(".")[2] for d in node.decorator_list}
            if not decorators & {"property", "cached_property", "setter"}:
                yield node.lineno, node.name.strip("_")


def defined_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of each function, class, parameter and variable."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, _words(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, _words(name)


def _words(name: str) -> str:
    """Return a name in snake case or camel case as words."""
    return HUMP.sub(" ", name).replace("_", " ").strip()
