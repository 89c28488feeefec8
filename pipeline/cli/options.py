"""Command-line options of a stage's config, and the config of their values."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError

from prunepack.errors import UsageError, quote
from prunepack.pipeline.cli.completion import COMPLETERS
from prunepack.pipeline.recipe import parse_literal
from prunepack.stages.contract.messages import list_problems
from prunepack.stages.contract.user_code import PointsAt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.fields import FieldInfo

    from prunepack.stages.contract.stage import Config

__all__ = ["config_options", "make_config", "make_options"]

C = TypeVar("C", bound="Config")
Function = TypeVar("Function", bound="Callable[..., Any]")


def make_options(config_type: type[Config]) -> list[click.Option]:
    """Return one option per field; not given means the field's default."""
    return [_option(name, field) for name, field in config_type.model_fields.items()]


def config_options(config_type: type[Config]) -> Callable[[Function], Function]:
    """Return a decorator that adds one option per field of ``config_type``."""

    def decorate(function: Function) -> Function:
        params: list[click.Parameter] = function.__dict__.setdefault("__click_params__", [])
        params.extend(reversed(make_options(config_type)))
        return function

    return decorate


def make_config(config_type: type[C], values: Mapping[str, Any]) -> C:
    """Return the config of the given options.

    Raises:
        UsageError: With every problem at once.
    """
    given = {}
    for name, field in config_type.model_fields.items():
        value = values.get(name)
        if value is not None and value != ():
            given[name] = _parse_pairs(value, field.annotation)
    try:
        return config_type.model_validate(given)
    except ValidationError as error:
        problems = [
            f"--{problem.replace('_', '-', 1)}" for problem in list_problems(error, config_type)
        ]
        raise UsageError("; ".join(problems)) from None


def _option(name: str, field: FieldInfo) -> click.Option:
    flag, kind = f"--{name.replace('_', '-')}", _strip_none(field.annotation)
    default = field.get_default(call_default_factory=True)
    text = f"{field.description or ''}"
    if default not in (None, (), "", {}):
        text += f"  [default: {_format_default(default)}]"
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=text)
    if get_origin(kind) is Literal:
        return click.Option([flag], type=click.Choice(get_args(kind)), help=text)
    many = get_origin(kind) in {tuple, dict}
    if many:
        text += "  [repeatable]"
    return click.Option(
        [flag],
        type=click.Path() if _is_path(field) else str,
        multiple=many,
        metavar=_metavar(kind),
        help=text,
        shell_complete=COMPLETERS.get(name),
    )


def _is_path(field: FieldInfo) -> bool:
    """Return whether a field names a file or a folder."""
    kinds = (field.annotation, *get_args(field.annotation))
    marks = [*field.metadata, *(mark for kind in kinds for mark in get_args(kind)[1:])]
    return any(isinstance(mark, PointsAt) and mark.what != "code" for mark in marks)


def _strip_none(annotation: Any) -> Any:
    """Return ``annotation`` without ``| None``."""
    if get_origin(annotation) in {Union, UnionType}:
        rest = [kind for kind in get_args(annotation) if kind is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _metavar(kind: Any) -> str:
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return "KEY=VALUE,…"
    if get_origin(kind) is dict:
        return "KEY=VALUE"
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    return {int: "INTEGER", float: "NUMBER", Path: "FILE"}.get(inner, "TEXT")


def _format_default(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse_pairs(value: Any, annotation: Any) -> Any:
    """Turn ``KEY=VALUE`` texts into values of the config's nested fields."""
    kind = _strip_none(annotation)
    if get_origin(kind) is dict:
        return {key: parse_literal(text) for key, text in map(_pair, value)}
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return [dict(_pair(part) for part in text.split(",")) for text in value]
    return value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(
            f"{quote(text)} is not an option's value", expected="KEY=VALUE", found=text
        )
    return key.strip(), value.strip()
