"""Conversion of JSON values to frozen classes, with strict fields and types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from prunepack.errors import CorruptArtifactError

__all__ = ["build"]

T = TypeVar("T")

WORDS = {int: "an integer", str: "a string", list: "a list", dict: "an object", bool: "a boolean"}


def build(kind: type[T], value: Any, where: str) -> T:
    """Return ``value`` as an instance of ``kind``.

    Args:
        kind: A dataclass or named tuple whose fields are ``int``, ``str``, a union of both,
            another such class, ``tuple[X, ...]`` or ``Mapping[str, X]``.
        value: A value from the JSON parser.
        where: Path of ``value`` in the header, for messages.

    Raises:
        CorruptArtifactError: If ``value`` does not have that form.
    """
    made: T = _build(kind, value, where)
    return made


def _build(kind: Any, value: Any, where: str) -> Any:
    if kind in (int, str):
        return _expect(kind, value, where)
    if isinstance(kind, UnionType):
        return _expect(get_args(kind), value, where)
    if get_origin(kind) is tuple:
        items = _expect(list, value, where)
        return tuple(_build(get_args(kind)[0], v, f"{where}[{i}]") for i, v in enumerate(items))
    if get_origin(kind) is Mapping:
        items = _expect(dict, value, where)
        return {k: _build(get_args(kind)[1], v, f"{where}.{k}") for k, v in items.items()}
    hints = _hints(kind)
    found = _expect(dict, value, where)
    _check_fields(set(hints), set(found), where)
    return kind(**{k: _build(hint, found[k], f"{where}.{k}") for k, hint in hints.items()})


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _expect(kind: Any, value: Any, where: str) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if type(value) not in kinds:  # a bool is an int to isinstance
        raise CorruptArtifactError(
            f"wrong type of {where}",
            expected=" or ".join(WORDS[k] for k in kinds),
            found=WORDS.get(type(value), "null"),
        )
    return value


def _check_fields(expected: set[str], found: set[str], where: str) -> None:
    if expected != found:
        raise CorruptArtifactError(
            f"wrong fields of {where}",
            expected=", ".join(sorted(expected)),
            found=", ".join(sorted(found)) or "none",
        )
