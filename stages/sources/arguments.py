"""Keyword arguments of user code, checked against its signature before the call."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["check_arguments"]


def check_arguments(
    function: Callable[..., Any], reference: str, arguments: Mapping[str, Any], setting: str
) -> None:
    """Compare ``arguments`` with the signature of a function or class.

    Args:
        function: The function that will be called with ``arguments`` alone.
        reference: The name of the function in the recipe.
        arguments: Keyword arguments.
        setting: The setting that holds the arguments, for messages.

    Raises:
        UsageError: If one is unknown, or one without a default is missing.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C
        return
    parameters = signature.parameters.values()
    named = [p for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    known = [p.name for p in named]
    required = [p.name for p in named if p.default is p.empty]
    unknown = [] if takes_any else [name for name in arguments if name not in known]
    missing = [name for name in required if name not in arguments]
    if unknown or missing:
        raise UsageError(
            f"{setting} does not fit `{reference}{_format(signature)}`",
            expected=_quote(known) or "no arguments",
            found=_quote(arguments) or "no arguments",
            hint=_advise(unknown, missing, known, setting),
        )


def _format(signature: inspect.Signature) -> str:
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def _quote(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _advise(unknown: list[str], missing: list[str], known: list[str], setting: str) -> str:
    if not unknown:
        return f"Add {_quote(missing)} to {setting}"
    near = difflib.get_close_matches(unknown[0], known, n=1)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"Remove {_quote(unknown)} from {setting}"
