"""Tensors in the result of a model, by their paths: ``logits``, ``1.0``, ``cache.0.key``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["Leaves", "flatten_result", "has_keys", "name_paths", "select_tensors"]

Leaves = dict[str, Any]
"""The values in a result, without their containers, by path."""


def flatten_result(result: object) -> Leaves:
    """Return the tensors, numbers and other values in ``result``; ``None`` is left out.

    Containers are mappings, dataclasses, named and plain tuples, lists, caches of transformers,
    and objects that hold a tensor in an attribute. The path of a single tensor is empty.
    """
    leaves: Leaves = {}
    _collect(result, "", leaves, ())
    return leaves


def select_tensors(leaves: Leaves) -> dict[str, torch.Tensor]:
    """Return the tensors among the values of a result."""
    import torch

    return {path: value for path, value in leaves.items() if isinstance(value, torch.Tensor)}


def has_keys(result: object) -> bool:
    """Return whether the outermost container of a result has names for its values."""
    return not isinstance(result, list | tuple) or hasattr(result, "_fields")


def name_paths(result: object, paths: list[str]) -> dict[str, str]:
    """Return the path of each output by the name that it gets in ONNX.

    Keys and fields are names. Values of a tuple, and a single tensor, have numbers.
    """
    if has_keys(result) and all(paths):
        return {path: path for path in paths}
    if len(paths) == 1:
        return {"output": paths[0]}
    return {f"output_{index}": path for index, path in enumerate(paths)}


def _collect(value: object, path: str, leaves: Leaves, above: tuple[int, ...]) -> None:
    """Add the values in ``value`` to ``leaves``; ``above`` are the containers around it."""
    import torch

    if value is None or id(value) in above:
        return
    children = None if isinstance(value, torch.Tensor) else _list_children(value)
    if children is None:
        leaves[path] = value
        return
    for key, child in children:
        _collect(child, f"{path}.{key}" if path else key, leaves, (*above, id(value)))


def _list_children(value: Any) -> list[tuple[str, object]] | None:
    """Return the parts of a container with their keys; None if ``value`` is not a container."""
    if isinstance(value, Mapping):
        return [(str(key), child) for key, child in value.items()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(str(key), getattr(value, key)) for key in value._fields]
    if isinstance(value, list | tuple):
        return [(str(index), child) for index, child in enumerate(value)]
    return _list_cache(value) or _list_attributes(value)


def _list_cache(value: Any) -> list[tuple[str, object]] | None:
    """Return the layers of a cache of transformers, or its parts for encoder and decoder."""
    layers = getattr(value, "layers", None)
    if isinstance(layers, list) and layers and all(hasattr(layer, "keys") for layer in layers):
        return [
            (f"{index}.{name}", getattr(layer, attribute))
            for index, layer in enumerate(layers)
            for name, attribute in (("key", "keys"), ("value", "values"))
        ]
    parts = ("self_attention_cache", "cross_attention_cache")
    if all(hasattr(value, part) for part in parts):
        return [(part.removesuffix("_attention_cache"), getattr(value, part)) for part in parts]
    return None


def _list_attributes(value: object) -> list[tuple[str, object]] | None:
    """Return the tensors among the attributes of an object of any other class."""
    import torch

    attributes = getattr(value, "__dict__", {}).items()
    return [(name, held) for name, held in attributes if isinstance(held, torch.Tensor)] or None
