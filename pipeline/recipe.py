"""Recipes: TOML files with one table per stage, and every problem reported at once."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.errors import UsageError, quote
from prunepack.pipeline.plan import Plan
from prunepack.pipeline.recipe_limits import check_limits
from prunepack.pipeline.runs.names import check_recipe_name
from prunepack.stages.contract.messages import list_problems
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.user_code import is_model_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

__all__ = [
    "Recipe",
    "describe_problems",
    "list_built_in_recipes",
    "make_recipe",
    "parse_literal",
    "read_built_in",
    "read_recipe",
]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A plan and the name of its results.

    Attributes:
        name: The file's name without its ending; ``artifacts/NAME/`` holds the newest results.
        plan: Every choice of the run.
        source: The built-in name or the path of the recipe.
        settings: The settings that were put over it.
        tables: The tables of the recipe with the settings in them.
    """

    name: str
    plan: Plan
    source: str = ""
    settings: tuple[str, ...] = ()
    tables: dict[str, Any] = field(default_factory=dict)


def list_built_in_recipes() -> dict[str, str]:
    """Return name and first line of each built-in recipe."""
    folder = resources.files("prunepack.pipeline.recipes")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {
        f.name.removesuffix(".toml"): f.read_text("utf-8").splitlines()[0].removeprefix("# ")
        for f in files
    }


def read_built_in(name: str) -> str:
    """Return the text of a built-in recipe.

    Raises:
        UsageError: If there is none of that name.
    """
    known = list_built_in_recipes()
    if name not in known:
        hint = suggest_name(name, known)
        hint += "" if hint.endswith("?") else "."
        raise UsageError(
            f"no built-in recipe is named {quote(name)}",
            hint=f"{hint} Name your own recipe by a path that ends in `.toml`.",
        )
    return resources.files("prunepack.pipeline.recipes").joinpath(f"{name}.toml").read_text("utf-8")


def read_recipe(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a built-in recipe by name, or a file, and put ``settings`` over it.

    Args:
        name: ``lenet``, or the path of a ``.toml`` file, or that of a model: an ``.onnx`` file, an
            artifact or a program, which is then its own recipe.
        settings: ``table.key=value`` each, with a TOML value or a plain word.

    Raises:
        UsageError: If there is no such recipe, or with every problem in it.
    """
    text, source = _read_text(name)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"`{source}` is not TOML", found=str(error)) from None
    return make_recipe(Path(name).stem, source, tables, settings)


def make_recipe(
    name: str, source: str, tables: dict[str, Any], settings: Sequence[str] = ()
) -> Recipe:
    """Return a recipe of ``tables``, in which ``settings`` are put.

    Raises:
        UsageError: With every problem in the tables, or if the name is not that of a folder.
    """
    check_recipe_name(name, source)
    for setting in settings:
        _set_value(tables, setting)
    try:
        plan = Plan.model_validate(tables)
    except ValidationError as error:
        raise describe_problems(source, error, Plan) from None
    check_limits(source, plan.gate.limits)
    _check_space(source, tables, plan)
    return Recipe(name, plan, source, tuple(settings), tables)


def _check_space(source: str, tables: dict[str, Any], plan: Plan) -> None:
    """Check that every setting in the space of a search exists and may have its values."""
    if plan.search.space:
        from prunepack.pipeline.search.space import find_problems

        if problems := list(find_problems(tables, plan)):
            raise _list(source, problems)


def _read_text(name: str) -> tuple[str, str]:
    """Return the text of a recipe and its name in messages."""
    path = Path(name)
    if name in list_built_in_recipes():
        return read_built_in(name), name
    if is_model_file(name):
        return f"[load]\nmodel = {json.dumps(name)}\n", name
    if path.suffix != ".toml" and path.exists():
        raise UsageError(
            f"`{name}` is not a recipe",
            expected="a .toml file, or --model for weights without a recipe",
            found="a folder" if path.is_dir() else path.suffix or "a file without an ending",
            hint="Add --model net.py:build --inputs name=x,shape=3x224x224",
        )
    if path.suffix != ".toml":
        return read_built_in(name), name
    try:
        return path.read_text("utf-8"), name
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recipe `{name}` cannot be read", found=str(error)) from None


def _set_value(tables: dict[str, Any], setting: str) -> None:
    """Put ``table.key=value`` into ``tables``."""
    key, equals, text = setting.partition("=")
    *path, last = key.strip().split(".")
    if not equals or not path:
        raise UsageError(
            f"--set {setting}", expected="TABLE.KEY=VALUE, such as prune.amount=0.95", found=setting
        )
    table = tables
    for part in path:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set {setting}", expected=f"a table {part}", found=repr(inner))
        table = inner
    table[last] = parse_literal(text)


def parse_literal(text: str) -> Any:
    """Return ``text`` as a TOML value, or unchanged if it is not one."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text.strip()


def describe_problems(source: str, error: ValidationError, root: type[BaseModel]) -> UsageError:
    """Return an error that lists every problem of the file ``source``, one on each line."""
    return _list(source, list_problems(error, root))


def _list(source: str, problems: Sequence[str]) -> UsageError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return UsageError(f"{source} has {count}", found="\n".join(problems))
