"""Recipes as text: tables and values in TOML."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from prunepack.errors import UsageError

__all__ = ["format_recipe", "format_value"]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def format_recipe(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables as TOML; a list of tables becomes a heading and a table for each entry."""
    return "\n\n".join(part for name, table in tables.items() for part in _list_parts(name, table))


def _list_parts(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    lists = {key: value for key, value in table.items() if _is_list_of_tables(value)}
    plain = {key: value for key, value in table.items() if key not in lists}
    if plain or not lists:
        yield _format_table(f"[{name}]", plain)
    for key, entries in lists.items():
        yield from (_format_table(f"[[{name}.{_format_key(key)}]]", entry) for entry in entries)


def _is_list_of_tables(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(entry, Mapping) for entry in value)


def _format_table(heading: str, table: Mapping[str, Any]) -> str:
    lines = (f"{_format_key(key)} = {format_value(value)}" for key, value in table.items())
    return "\n".join([heading, *lines])


def format_value(value: Any) -> str:
    """Return a value as TOML on one line.

    Raises:
        UsageError: If TOML has no such value.
    """
    if isinstance(value, Mapping):
        pairs = (f"{_format_key(str(key))} = {format_value(v)}" for key, v in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(format_value, value))}]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, bool | int | float | str):
        raise UsageError(
            f"a recipe cannot hold {value!r:.80}",
            expected="a number, a text, true or false, a list or a dictionary",
            found=f"a {type(value).__name__}",
            hint="Leave the setting out for its default",
        )
    return json.dumps(value, ensure_ascii=False)


def _format_key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
