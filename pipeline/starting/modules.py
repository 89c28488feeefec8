"""Properties of models that a function of the user builds."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.starting.weight_files import guess_input

if TYPE_CHECKING:
    from torch import nn

__all__ = ["describe_factory"]


def describe_factory(model: str) -> dict[str, Any]:
    """Return the properties of the module that a factory builds.

    Raises:
        UsageError: If the factory cannot be used.
        RefusedError: If it returns no module.
    """
    from prunepack.stages.pruning.masks import pruned_parameters
    from prunepack.stages.sources.module_sources import build_module

    module = build_module(model)
    layers = tuple(
        (name.removesuffix("_orig"), tuple(parameter.shape))
        for name, parameter in module.named_parameters()
        if parameter.ndim >= 2
    )
    names = _list_arguments(module)
    entries = [guess_input(layers, name)[0] for name in names]
    guess = guess_input(layers)[1]
    return {
        "load": {"model": model, "inputs": entries},
        "notes": (f"Inputs are the arguments of forward(): {', '.join(names)}.", guess),
        "layers": layers,
        "is_masked": any(True for _ in pruned_parameters(module)),
    }


def _list_arguments(module: nn.Module) -> list[str]:
    """Return the arguments of ``forward`` that have no default."""
    parameters = inspect.signature(module.forward).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    required = [p.name for p in parameters if p.kind in named and p.default is p.empty]
    return required or ["input"]
