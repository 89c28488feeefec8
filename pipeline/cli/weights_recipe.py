"""Recipe of weights that are run without one: a model, its inputs and its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import describe_problems
from prunepack.stages.contract.model_spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe_weights"]


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
