"""Differences between two runs in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prunepack.format import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.pipeline.keys.material import Material

__all__ = ["compare_values", "describe_differences"]


def describe_differences(old: Material, new: Material) -> list[str]:
    """Return the differences from ``old`` to ``new`` in words."""
    code = _compare_files({**old.code, **old.user}, {**new.code, **new.user})
    python = [("Python", old.python, new.python)] if old.python != new.python else []
    host = [("machine:", old.host, new.host)] if old.host != new.host else []
    return [
        *compare_values("config", old.config, new.config),
        *(f"input {name} changed" for name in _changed_names(old.inputs, new.inputs)),
        *code,
        *_compare_tools(old.tools, new.tools),
        *(f"{part} {before} → {after}" for part, before, after in (*python, *host)),
    ]


def _changed_names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _compare_files(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = _changed_names(old, new)
    shown = [f"{name} {_describe_change(name, old, new)}" for name in names[:MOST]]
    return shown + ([f"{len(names) - MOST} more files changed"] if names[MOST:] else [])


MOST = 3
"""Largest number of files that are named one by one."""


def _describe_change(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if name not in old:
        return "is new"
    return "changed" if name in new else "is gone"


def _compare_tools(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {old.get(name, '(none)')} → {new.get(name, '(none)')}"
        for name in _changed_names(old, new)
    ]


def compare_values(where: str, old: Any, new: Any) -> Iterator[str]:
    """Yield ``path: old → new`` for each value that differs; 1 and 1.0 do."""
    if canonical_json.dumps(old) == canonical_json.dumps(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f".{name}", old.get(name), new.get(name)) for name in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"[{i}]", a, b) for i, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        yield f"{where}: {_format_value(old)} → {_format_value(new)}"
        return
    for name, before, after in pairs:
        yield from compare_values(f"{where}{name}", before, after)


def _format_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
