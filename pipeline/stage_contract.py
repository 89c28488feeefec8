"""Contract of a stage, checked at run time: outputs in, the right files and plain facts out."""

from __future__ import annotations

import inspect
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, quote
from prunepack.stages.contract.outputs import Output, find_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.pipeline.cache.store import Fact
    from prunepack.stages.contract.stage import Config, Stage

__all__ = ["BrokenStageError", "bind_inputs", "check_result"]


class BrokenStageError(RuntimeError):
    """A stage broke its contract: a bug of the stage, not of its user."""


def bind_inputs(
    stage: Stage[Any, Any, Any], config: Config, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Output]:
    """Return the inputs by parameter: a stage depends on nothing but them and its config."""
    bound = inspect.signature(stage.body).bind(config, Path(), *args, **kwargs)
    given = {name: value for name, value in bound.arguments.items() if value is not None}
    inputs = dict(list(given.items())[2:])
    for name, value in inputs.items():
        if not isinstance(value, Output):
            raise BrokenStageError(
                f"{stage.name}: {name} is a {type(value).__name__}, expected an output of a stage. "
                "Put any other value in its config, so that its key covers it"
            )
    return inputs


def check_result(
    stage: Stage[Any, Any, Any], folder: Path, facts: Mapping[str, object]
) -> dict[str, Fact]:
    """Return the facts as plain values, after a check of the files.

    Raises:
        BrokenStageError: If the stage broke its contract.
    """
    links = [path.name for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise BrokenStageError(f"`{stage.name}` left a link, {links[0]}: expected files only")
    try:
        find_kind(folder, stage.produces)
    except RefusedError:
        wanted = " or ".join(f"{k.__name__} ({', '.join(k.files)})" for k in stage.produces)
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "no file"
        raise BrokenStageError(
            f"`{stage.name}` left the wrong files: expected a {wanted}, found {found}"
        ) from None
    return {name: _plain(stage.name, name, value) for name, value in facts.items()}


def _plain(stage: str, name: str, value: object) -> Fact:
    for kind in (bool, int, float, str):
        if isinstance(value, kind) and not (isinstance(value, float) and not isfinite(value)):
            return kind(value)
    raise BrokenStageError(
        f"{stage}: the fact {quote(name)} is {value!r}, expected a finite number, a text or a bool"
    )
