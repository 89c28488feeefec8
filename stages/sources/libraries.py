"""Models of libraries: config classes of transformers, folders in its layout, timm, torchvision."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from prunepack.errors import UsageError
from prunepack.stages.contract.user_code import split_library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

__all__ = ["build_from_library", "find_folder_weights", "is_model_folder", "read_model_folder"]

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Weights in a folder of ``save_pretrained``, in the order of preference."""


def build_from_library(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build ``transformers:ConfigClass``, ``timm:NAME`` or ``torchvision:NAME`` without weights.

    Raises:
        UsageError: If the library does not import, or has no such model.
    """
    library, name = split_library(model)
    build = {"transformers": _build_config, "timm": _build_timm, "torchvision": _build_torchvision}
    try:
        module: nn.Module = build[library](name, dict(arguments))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 -- a broken library raises anything on import
        _refuse(model, library, f"{type(error).__name__}: {error}".splitlines()[0], error)
    return module


def _refuse(model: str, library: str, found: str, error: Exception | None = None) -> NoReturn:
    hints = {
        "transformers": "Correct the name of the class and load.arguments, or install transformers",
        "timm": "Install timm beside a torchvision that fits your torch, or name a factory of "
        "your own",
        "torchvision": "Install a torchvision that fits your torch, or name a factory of your own",
    }
    raise UsageError(
        f"`{model}` cannot be built",
        expected=f"the package {library}, with this model",
        found=found,
        hint=hints[library],
    ) from error


def _find_config_class(name: str) -> Any:
    import transformers

    config_class: Any = getattr(transformers, name, None)
    is_config = isinstance(config_class, type) and issubclass(
        config_class, transformers.PretrainedConfig
    )
    if not is_config:
        found = "no such class" if config_class is None else "a class that is not a config"
        _refuse(f"transformers:{name}", "transformers", found)
    return config_class


def _build_config(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Build the model of a config class; ``architectures`` chooses its head."""
    import transformers

    config = _find_config_class(name)(**arguments)
    if arguments.get("architectures"):
        module: nn.Module = getattr(transformers, arguments["architectures"][0])(config)
        return module
    automatic: Any = transformers.AutoModel
    built: nn.Module = automatic.from_config(config)
    return built


def _build_timm(name: str, arguments: dict[str, Any]) -> nn.Module:
    timm: Any = importlib.import_module("timm")
    module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    return module


def _build_torchvision(name: str, arguments: dict[str, Any]) -> nn.Module:
    models: Any = importlib.import_module("torchvision.models")
    module: nn.Module = models.get_model(name, weights=None, **arguments)
    return module


def is_model_folder(model: str) -> bool:
    """Return whether ``model`` is the path of a folder, neither a built-in nor user code."""
    return Path(model).is_dir() or model.startswith(("./", "../", "/")) or model.endswith("/")


def read_model_folder(model: str) -> tuple[str, dict[str, Any]]:
    """Return the config class and its arguments in a folder of ``save_pretrained``.

    Raises:
        UsageError: If the folder has no config.json that names a model of transformers.
    """
    folder = Path(model)
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        raise _refuse_folder(model, folder) from None
    try:
        auto: Any = importlib.import_module("transformers.models.auto.configuration_auto")
    except ImportError as error:
        _refuse(model, "transformers", f"{type(error).__name__}: {error}", error)
    kind = config.get("model_type", "") if isinstance(config, dict) else ""
    if kind not in auto.CONFIG_MAPPING_NAMES or config.get("auto_map"):
        own = isinstance(config, dict) and config.get("auto_map")
        raise UsageError(
            f"`{model}` is not a model of transformers",
            expected="a config.json whose model_type transformers has",
            found="code of its own (auto_map)" if own else f"model_type {kind!r}",
            hint="Name a factory that builds the model, and its weights in load.weights",
        )
    return f"transformers:{auto.CONFIG_MAPPING_NAMES[kind]}", config


def _refuse_folder(model: str, folder: Path) -> UsageError:
    files = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    missing = "an empty folder" if folder.is_dir() else "no such folder"
    return UsageError(
        f"`{model}` is not a model folder",
        expected="config.json and weights, as save_pretrained writes them",
        found=", ".join(files[:6]) or missing,
        hint="Name your factory in load.model and the weights in load.weights",
    )


def find_folder_weights(model: str) -> Path:
    """Return the weights in a folder of ``save_pretrained``.

    Raises:
        UsageError: If there are none.
    """
    for name in WEIGHT_FILES:
        if (path := Path(model) / name).is_file():
            return path
    raise _refuse_folder(model, Path(model))
