"""Modules from their source: a built-in model, user code, or a model of a library."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.user_code import (
    import_folder,
    is_library_model,
    is_user_code,
    load_user_code,
)
from prunepack.stages.contract.user_effects import contain_effects
from prunepack.stages.contract.user_imports import import_from
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.sources.arguments import check_arguments
from prunepack.stages.sources.libraries import build_from_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

T = TypeVar("T")

__all__ = ["build_module"]


def build_module(model: str, arguments: Mapping[str, Any] = {}, seed: int = 0) -> nn.Module:
    """Build ``model`` with the weights that its factory gives it.

    Every call begins with the random states of ``seed``, so two calls make the same module.

    Args:
        model: A built-in, ``module:NAME`` or ``file.py:NAME`` with a factory or a subclass of
            ``nn.Module``, or a model of a library.
        arguments: Keyword arguments of the factory.
        seed: Seed of the random numbers that the factory draws.

    Raises:
        UsageError: If the name is unknown, or the factory fails or returns another value.
        RefusedError: If the module is a TorchScript model.
    """
    if is_library_model(model):
        return _call_seeded(lambda: build_from_library(model, arguments), seed)
    if not is_user_code(model):
        return _build_built_in(model, seed)
    factory = _load_factory(model)
    check_arguments(factory, model, arguments, "load.arguments")
    try:
        with import_from(import_folder(model)):
            module: nn.Module = _call_seeded(lambda: factory(**arguments), seed)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"`{model}()` failed",
            found=f"{type(error).__name__}: {error}",
            hint="Correct the factory; -v shows the line",
        ) from error
    _check_kind(module, model)
    return module


def _build_built_in(model: str, seed: int) -> nn.Module:
    """Build a built-in model; the code of some is in packages that are not always installed.

    Raises:
        UsageError: If such a package is missing.
    """
    try:
        return _call_seeded(MODELS[model].build, seed)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the model `{model}` needs `{error.name}`",
            expected=str(error.name),
            found="it is not installed",
            hint="Run `pip install 'prunepack[zoo]'`",
        ) from error


def _load_factory(model: str) -> Callable[..., Any]:
    """Return the user's factory or class.

    Raises:
        UsageError: If it is a model, or cannot be called.
    """
    from torch import nn

    factory = load_user_code(model)
    if isinstance(factory, nn.Module):
        raise UsageError(
            f"`{model}` is a model, not a factory",
            expected="a function or class that returns a new model at each call",
            found=type(factory).__name__,
            hint="Write `def build(): return net` anew: the model must be built in the function",
        )
    if not callable(factory):
        raise UsageError(
            f"`{model}` is not a factory",
            expected="a function or class that returns a new model at each call",
            found=_name_kind(factory),
            hint="Name a function that builds the model in load.model",
        )
    checked: Callable[..., Any] = factory
    return checked


def _call_seeded(build: Callable[[], T], seed: int) -> T:
    """Call ``build`` with the random states of Python, numpy and torch set from ``seed``."""
    import numpy as np
    import torch

    with contain_effects():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        return build()


def _check_kind(module: object, model: str) -> None:
    import torch
    from torch import nn

    if isinstance(module, torch.jit.ScriptModule):
        raise RefusedError(
            f"`{model}()` returned a TorchScript model, whose layers cannot be pruned",
            expected="a torch.nn.Module in Python",
            found=type(module).__name__,
            hint="Return the model before torch.jit.script or torch.jit.trace",
        )
    if not isinstance(module, nn.Module):
        is_state = isinstance(module, dict)
        raise UsageError(
            f"`{model}()` returned no model",
            expected="a torch.nn.Module",
            found=_name_kind(module),
            hint="Return the model, and name its state dict in load.weights"
            if is_state
            else "Return the model itself, and nothing beside it",
        )


def _name_kind(value: object) -> str:
    """Return the class of a value with its article."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
