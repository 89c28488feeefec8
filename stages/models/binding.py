"""Binding of a model's inputs to the arguments of ``forward``, by name."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter
from typing import TYPE_CHECKING, TypeVar

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn

__all__ = ["NAMED", "Binding", "bind_names"]

T = TypeVar("T")

NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
"""Kinds of arguments that have a name."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The place of each input in a call of ``forward``.

    Attributes:
        positional: The inputs that are passed by position, in this order.
        keywords: The argument of each input that is passed by name.
        guessed: The argument of an input that has another name, bound by position.
    """

    positional: tuple[str, ...]
    keywords: Mapping[str, str]
    guessed: Mapping[str, str]

    def arrange(self, values: Mapping[str, T]) -> tuple[list[T], dict[str, T]]:
        """Return the positional and the keyword arguments of a call."""
        keywords = {argument: values[name] for name, argument in self.keywords.items()}
        return [values[name] for name in self.positional], keywords


def bind_names(module: nn.Module, names: Sequence[str]) -> Binding:
    """Bind inputs to the arguments of the module's ``forward``.

    An input is the argument of its name. Other inputs are passed in order to ``*args``, or by name
    to ``**kwargs``. A single input is the first argument, whatever its name.

    Raises:
        UsageError: If an input does not bind, or an argument without a default has no input.
    """
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # a forward that is not written in Python
        return Binding(tuple(names), {}, {})
    arguments = {entry.name: entry for entry in parameters if entry.kind in NAMED}
    rest = [name for name in names if name not in arguments]
    given = {name: name for name in names if name in arguments}
    guessed: dict[str, str] = {}
    kinds = {entry.kind for entry in parameters}
    takes_any = Parameter.VAR_POSITIONAL in kinds or Parameter.VAR_KEYWORD in kinds
    required = _list_required(arguments)
    is_only = len(names) == 1 and len(required) <= 1
    if is_only and rest and arguments and (required or not takes_any):
        guessed = {names[0]: next(iter(arguments))}
        given, rest = {next(iter(arguments)): names[0]}, []
    missing = [name for name in required if name not in given]
    if missing or (rest and not takes_any):
        raise _refuse(parameters, arguments, names, rest, missing)
    by_position = Parameter.VAR_POSITIONAL in kinds and (
        Parameter.VAR_KEYWORD not in kinds or len(names) == 1
    )
    return _arrange(arguments, given, rest, guessed, by_position=by_position)


def _arrange(
    arguments: Mapping[str, Parameter],
    given: Mapping[str, str],
    rest: Sequence[str],
    guessed: Mapping[str, str],
    *,
    by_position: bool,
) -> Binding:
    """Return the binding of inputs whose arguments are known."""
    positional: list[str] = []
    keywords: dict[str, str] = {}
    contiguous = True
    for name, argument in arguments.items():
        contiguous = contiguous and name in given and argument.kind is not Parameter.KEYWORD_ONLY
        if contiguous:
            positional.append(given[name])
        elif name in given:
            keywords[given[name]] = name
    if by_position:
        positional += rest
    else:
        keywords |= {name: name for name in rest}
    return Binding(tuple(positional), keywords, guessed)


def _list_required(arguments: Mapping[str, Parameter]) -> list[str]:
    return [name for name, entry in arguments.items() if entry.default is Parameter.empty]


def _refuse(
    parameters: Iterable[Parameter],
    arguments: Mapping[str, Parameter],
    names: Sequence[str],
    rest: Sequence[str],
    missing: Sequence[str],
) -> UsageError:
    """Return the error for inputs that do not bind."""
    shown = ", ".join(_format_parameter(parameter) for parameter in parameters)
    required = _list_required(arguments)
    optional = [name for name in arguments if name not in required]
    expected = _quote(required)
    if optional:
        expected += f"{', ' if expected else ''}optionally {_quote(optional)}"
    return UsageError(
        f"load.inputs does not fit forward({shown})",
        expected=expected or "no inputs",
        found=_quote(names) or "no inputs",
        hint=_advise(arguments, names, rest, missing),
    )


def _advise(
    arguments: Mapping[str, Parameter],
    names: Sequence[str],
    rest: Sequence[str],
    missing: Sequence[str],
) -> str:
    """Return the hint: the argument that a name resembles, else the inputs to add or remove."""
    free = [name for name in arguments if name not in names]
    for name in rest:
        if near := get_close_matches(name, free, 1):
            return f"Did you mean `{near[0]}`?"
    if rest and missing:
        return "Name each input in load.inputs as forward() does"
    if missing:
        return f"Add {_quote(missing)} to load.inputs"
    return f"Remove {_quote(rest)} from load.inputs"


def _format_parameter(parameter: Parameter) -> str:
    """Return a parameter without its annotation."""
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is Parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    if parameter.default is Parameter.empty:
        return parameter.name
    shown = repr(parameter.default)
    return f"{parameter.name}={shown if len(shown) <= 20 else '…'}"


def _quote(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
