"""Command-line options made from a stage's config, and the config made from their values."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import literal, problems_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

    from prunepack.stages.contract.stage import Config

__all__ = ["config_from", "options_of"]

C = TypeVar("C", bound="Config")


def options_of(config_type: type[Config]) -> list[click.Option]:
    """Return one option per field; not given means the field's default."""
    return [_option(name, field) for name, field in config_type.model_fields.items()]


def config_from(config_type: type[C], values: Mapping[str, Any]) -> C:
    """Return the config that the given options say.

    Raises:
        UsageError: With every problem at once.
    """
    given = {}
    for name, field in config_type.model_fields.items():
        value = values.get(name)
        if value is not None and value != ():
            given[name] = _structured(value, field.annotation)
    try:
        return config_type.model_validate(given)
    except ValidationError as error:
        problems = [
            f"--{problem.replace('_', '-', 1)}" for problem in problems_of(error, config_type)
        ]
        raise UsageError("; ".join(problems)) from None


def _option(name: str, field: FieldInfo) -> click.Option:
    flag, kind = f"--{name.replace('_', '-')}", _bare(field.annotation)
    default = field.get_default(call_default_factory=True)
    text = f"{field.description or ''}"
    if default not in (None, (), "", {}):
        text += f"  [default: {_shown(default)}]"
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=text)
    if get_origin(kind) is Literal:
        return click.Option([flag], type=click.Choice(get_args(kind)), help=text)
    many = get_origin(kind) in {tuple, dict}
    if many:
        text += "  [repeatable]"
    return click.Option([flag], type=str, multiple=many, metavar=_metavar(kind), help=text)


def _bare(annotation: Any) -> Any:
    """Return ``annotation`` without ``| None``."""
    if get_origin(annotation) in {Union, UnionType}:
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _metavar(kind: Any) -> str:
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return "KEY=VALUE,…"
    if get_origin(kind) is dict:
        return "KEY=VALUE"
    return {int: "INTEGER", float: "NUMBER"}.get(inner, "TEXT")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _structured(value: Any, annotation: Any) -> Any:
    """Turn ``KEY=VALUE`` texts into what the config's nested fields take."""
    kind = _bare(annotation)
    if get_origin(kind) is dict:
        return {key: literal(text) for key, text in map(_pair, value)}
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return [dict(_pair(part) for part in text.split(",")) for text in value]
    return value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is not an option's value", expected="KEY=VALUE", found=text)
    return key.strip(), value.strip()
