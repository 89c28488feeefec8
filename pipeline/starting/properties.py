"""Properties of a model that its file reveals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunepack.errors import UsageError
from prunepack.pipeline.starting.graph_files import describe_graph
from prunepack.pipeline.starting.modules import describe_factory
from prunepack.pipeline.starting.weight_files import describe_weights
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.user_code import is_library_model, is_model_file, is_user_code
from prunepack.stages.models.builtin import MODELS

__all__ = ["ModelProperties", "describe_model"]


@dataclass(frozen=True, slots=True)
class ModelProperties:
    """Properties of a model, as far as its file reveals them.

    Attributes:
        load: The settings of ``[load]``.
        notes: Sentences on the settings: detected, guessed and missing values.
        layers: Name and shape of each weight of two or more dimensions.
        is_masked: Whether the model was pruned before.
        is_graph: Whether the model is ONNX, which is not trained.
        has_data: Whether there are labelled samples.
    """

    load: dict[str, Any]
    notes: tuple[str, ...] = ()
    layers: tuple[tuple[str, tuple[int, ...]], ...] = ()
    is_masked: bool = False
    is_graph: bool = False
    has_data: bool = False


def describe_model(model: str) -> ModelProperties:
    """Return the properties of a model file, a factory or a built-in model.

    Args:
        model: A path, ``file.py:factory``, or the name of a built-in model.

    Raises:
        UsageError: If it cannot be found.
        RefusedError: If the file cannot be read.
    """
    if model in MODELS:
        built_in = MODELS[model]
        return ModelProperties({"model": model}, has_data=bool(built_in.dataset))
    if is_library_model(model):
        note = "Replace the shape of the input by that of your samples, without the batch."
        inputs = [{"name": "input", "shape": [3, 224, 224]}]
        return ModelProperties({"model": model, "inputs": inputs}, (note,))
    if is_model_file(model):
        _check_file(model)
        return ModelProperties(**describe_graph(Path(model)))
    if is_user_code(model):
        return ModelProperties(**describe_factory(model))
    if model.endswith(".py"):
        raise UsageError(
            f"`{model}` does not name a factory",
            expected=f"{model}:NAME, a function that returns the nn.Module",
            found="a file alone",
            hint=f"Add the name of the function, such as {model}:build",
        )
    _check_file(model)
    return ModelProperties(**describe_weights(Path(model)))


def _check_file(model: str) -> None:
    if not Path(model).is_file():
        hint = (
            suggest_name(model, MODELS.names()) if "." not in model and "/" not in model else None
        )
        raise UsageError(
            f"`{model}` is not a file",
            expected="a model file (.onnx, .prunepack, .pt2), weights (.pt, .pth, .safetensors), "
            "file.py:factory or a built-in model",
            found="a folder" if Path(model).is_dir() else "nothing",
            hint=hint,
        )
