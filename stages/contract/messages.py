"""Parts of messages: short lists, names in backticks, exceptions and wrong settings in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from prunepack.stages.contract.plugins import suggest_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

__all__ = [
    "describe_error",
    "describe_problem",
    "list_first",
    "list_keys",
    "list_names",
    "list_problems",
]

_DOTTED = re.compile(r"\w+(\[\d+\])*(\.\w+(\[\d+\])*)+")
"""The name of a setting as a key, which differs from the marks of pydantic in a location."""


SHOWN = 8
"""Entries of a list that a message shows by default."""


def list_first(texts: Iterable[str], most: int = SHOWN) -> str:
    """Return the first ``most`` of the texts, and the number of the others."""
    texts = list(texts)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def list_names(names: Iterable[str], most: int = SHOWN) -> str:
    """Return names in backticks, the first ``most`` of them."""
    return list_first((f"`{name}`" for name in names), most)


def describe_error(error: BaseException) -> str:
    """Return the class of an exception and the first line of its text that is not blank."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def list_problems(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Return one line for each problem, with its path and, for an unknown key, the nearest one."""
    problems = error.errors()
    return [
        describe_problem(problem, root)
        for problem in problems
        if problem["type"] != "too_short" or not _has_wrong_entry(problem, problems)
    ]


def _has_wrong_entry(problem: ErrorDetails, problems: Iterable[ErrorDetails]) -> bool:
    """Return whether a list is too short only because an entry of it is wrong."""
    depth = len(problem["loc"])
    return any(
        len(each["loc"]) > depth and each["loc"][:depth] == problem["loc"] for each in problems
    )


def describe_problem(problem: ErrorDetails, root: type[BaseModel]) -> str:
    """Return one problem with its path and, for an unknown key, the nearest one."""
    location = problem["loc"]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        hint = suggest_name(str(location[-1]), list_keys(root, location[:-1]))
        message = f"no such setting. {hint}"
    elif isinstance(problem["input"], bool | int | float | str):
        message += f" (found {problem['input']!r})" if "found" not in message else ""
    return f"{_format_location(location)}: {message}" if location else message


def _format_location(location: Iterable[int | str]) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        elif _DOTTED.fullmatch(part):
            text += f'."{part}"'
    return text


def list_keys(root: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Return the keys that the table at ``location`` may have."""
    model = root
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the config class in an annotation such as ``tuple[Rule, ...]``."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation
    found = [_model_in(inner) for inner in get_args(annotation)]
    return next((model for model in found if model), None)
