"""Types of the arguments of public calls, checked before a call begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from prunepack.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    C = TypeVar("C", bound=Callable[..., Any])

__all__ = [
    "COUNT",
    "NAME",
    "NAMES",
    "PATH",
    "SWITCH",
    "Kind",
    "check_arguments",
    "check_choice",
    "check_types",
    "is_choice",
    "make_optional",
]


class Kind(NamedTuple):
    """The values that an argument may have.

    Attributes:
        expected: The type in words.
        accepts: Returns whether a value is of the type.
        hint: Advice for callers who passed something else.
    """

    expected: str
    accepts: Callable[[Any], bool]
    hint: str


PATH = Kind(
    "a str or an os.PathLike",
    lambda value: isinstance(value, str | os.PathLike),
    "Pass the path of a file or a folder",
)
NAME = Kind("a str", lambda value: isinstance(value, str), "Pass a name as text")
NAMES = Kind(
    "a list of names",
    lambda value: isinstance(value, Iterable) and not isinstance(value, str | bytes),
    "Pass the names in a list",
)
COUNT = Kind("an int", lambda value: hasattr(value, "__index__"), "Pass a whole number")
SWITCH = Kind(
    "True or False",
    lambda value: isinstance(value, int) or type(value).__name__ in {"bool", "bool_"},
    "Pass True or False",
)


def make_optional(kind: Kind) -> Kind:
    """Return a kind that accepts None too."""
    return Kind(f"{kind.expected}, or None", lambda v: v is None or kind.accepts(v), kind.hint)


def check_arguments(**kinds: Kind) -> Callable[[C], C]:
    """Return a decorator that checks the named arguments of a function before each call."""

    def decorate(function: C) -> C:
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        call = function.__qualname__.removesuffix(".__init__")

        @wraps(function)
        def check_and_call(*args: Any, **kwargs: Any) -> Any:
            check_types(call, {**dict(zip(names, args, strict=False)), **kwargs}, kinds)
            return function(*args, **kwargs)

        return cast("C", check_and_call)

    return decorate


def check_types(call: str, values: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Compare the arguments of a function or a class named ``call`` with their kinds.

    Raises:
        UsageError: If an argument is of another type.
    """
    for name, kind in kinds.items():
        if name in values and not kind.accepts(values[name]):
            raise UsageError(
                f"the argument {quote(name)} of {quote(call)} is of another type",
                expected=kind.expected,
                found=type(values[name]).__name__,
                hint=kind.hint,
            )


def is_choice(value: object, choices: Collection[str]) -> bool:
    """Return whether a value of any type, also one that has no hash, is one of these texts."""
    return isinstance(value, str) and value in choices


def check_choice(noun: str, value: object, choices: Collection[str]) -> None:
    """Compare a value of any type with the texts that it may be.

    Args:
        noun: The kind of choice, for the error.
        value: The value.
        choices: The texts.

    Raises:
        UsageError: If it is not one of them.
    """
    if not is_choice(value, choices):
        *others, last = map(repr, choices)
        raise UsageError(
            f"unknown {noun}",
            expected=f"{', '.join(others)} or {last}",
            found=f"{value!r:.80}",
            hint="Choose one of these",
        )
