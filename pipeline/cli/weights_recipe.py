"""Recipe of weights that are run without one: a model, its inputs and its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import describe_problems
from prunepack.stages.contract.model_spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["describe_weights", "format_recipe"]


def describe_weights(source: str, model: str | None, inputs: Sequence[str]) -> dict[str, Any]:
    """Return the tables of a recipe that carries a checkpoint through all stages.

    Args:
        source: A checkpoint, or the folder of a model, which needs no ``model``.
        model: The factory, as in ``load.model``.
        inputs: The inputs, each as ``name=x,shape=3x224x224``.

    Raises:
        UsageError: If there is no model, or an input is not valid.
    """
    if model is None and not Path(source).is_dir():
        raise UsageError(
            "--inputs has no model",
            expected="--model with your factory, such as net.py:build",
            found=f"`{source}` alone",
            hint="Add --model, or put the inputs into the recipe",
        )
    load = {"model": source} if model is None else {"model": model, "weights": source}
    return {"load": load | {"inputs": [_read_input(text) for text in inputs]}}


def _read_input(text: str) -> dict[str, Any]:
    """Return the fields of an input that a text gives."""
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        spec = InputSpec.model_validate({key.strip(): value.strip() for key, _, value in pairs})
    except ValidationError as error:
        raise describe_problems(f"--inputs {text}", error, InputSpec) from None
    return spec.model_dump(mode="json", exclude_unset=True)


def format_recipe(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables as TOML."""
    parts = []
    for name, table in tables.items():
        lines = [f"{key} = {_format_value(value)}" for key, value in table.items()]
        parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts)


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_format_value(v)}' for key, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
