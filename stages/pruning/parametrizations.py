"""Weights that a layer computes from other parameters: weight_norm, spectral_norm and others.

A zero in the direction of such a weight is a zero of the weight, so the direction wears the mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from torch import nn

    from prunepack.stages.pruning.masks import Place

__all__ = ["Role", "compute_weight", "find_roles", "fold_parametrizations"]


@dataclass(frozen=True, slots=True)
class Role:
    """The weight of a layer that a parameter determines: itself, or one computed from it.

    Attributes:
        layer: The name of the layer.
        module: The layer.
        weight: The name of the weight in the layer.
        is_direction: Whether the weight is computed, and a zero of the parameter is a zero of it.
        is_part: Whether the parameter is another part of a computed weight, such as its norm.
        obstacle: The class of a parametrisation that does not keep zeros; empty otherwise.
        order: The dimensions of the first place's tensor, as this place has them; None if equal.
    """

    layer: str
    module: nn.Module
    weight: str
    is_direction: bool = False
    is_part: bool = False
    obstacle: str = ""
    order: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """The name of the weight in the state dict of the finalized model."""
        return f"{self.layer}.{self.weight}" if self.layer else self.weight


def find_roles(model: nn.Module) -> Callable[[Place], Role]:
    """Return a function from a place of a parameter in ``model`` to the parameter's role."""
    from torch.nn.utils.parametrize import is_parametrized

    owners: dict[int, tuple[str, nn.Module, str]] = {}
    for layer, module in model.named_modules():
        if is_parametrized(module):
            for weight, originals in module.parametrizations.items():  # type: ignore[operator, union-attr]
                owners[id(originals)] = (layer, module, weight)

    def find_role(place: Place) -> Role:
        if id(place.module) in owners:
            return _find_parametrized_role(place, *owners[id(place.module)])
        return _find_hooked_role(place)

    return find_role


def _find_parametrized_role(place: Place, layer: str, module: nn.Module, weight: str) -> Role:
    """Return the role of an original tensor of ``torch.nn.utils.parametrize``."""
    from torch.nn.utils.parametrizations import _SpectralNorm, _WeightNorm

    others = [
        type(step).__name__
        for step in place.module.children()
        if not isinstance(step, _WeightNorm | _SpectralNorm)
    ]
    direction = "original" if hasattr(place.module, "original") else "original1"
    is_direction = place.parameter == direction
    return Role(layer, module, weight, is_direction, not is_direction, (others or [""])[0])


def _find_hooked_role(place: Place) -> Role:
    """Return the role of a parameter of ``nn.utils.weight_norm`` and ``spectral_norm``."""
    for weight, suffixes, _ in _find_hooks(place.module):
        if place.parameter in {f"{weight}{suffix}" for suffix in suffixes}:
            is_direction = place.parameter == f"{weight}{suffixes[0]}"
            return Role(place.layer, place.module, weight, is_direction, not is_direction)
    return Role(place.layer, place.module, place.parameter)


def _find_hooks(
    module: nn.Module,
) -> Iterator[tuple[str, tuple[str, ...], Callable[[], torch.Tensor]]]:
    """Yield per hooked weight: its name, the suffixes of its parts, and its computation."""
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            yield hook.name, ("_v", "_g"), lambda hook=hook: hook.compute_weight(module)
        elif isinstance(hook, SpectralNorm):
            yield hook.name, ("_orig",), lambda hook=hook: hook.compute_weight(module, False)


def compute_weight(role: Role) -> torch.Tensor:
    """Return the weight that a layer in evaluation mode computes."""
    import torch

    with torch.no_grad():
        for weight, _, compute in _find_hooks(role.module):
            if weight == role.weight:
                return compute().detach()
        value: torch.Tensor = getattr(role.module, role.weight)
        return value.detach()


def fold_parametrizations(model: nn.Module) -> list[str]:
    """Replace every computed weight by its value, and return the names of these weights."""
    from torch.nn.utils import remove_spectral_norm, remove_weight_norm
    from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

    names = []
    for layer, module in list(model.named_modules()):
        if is_parametrized(module):
            for weight in list(module.parametrizations):  # type: ignore[arg-type]
                names.append(Role(layer, module, weight).name)
                remove_parametrizations(module, weight)
        for weight, suffixes, _ in list(_find_hooks(module)):
            names.append(Role(layer, module, weight).name)
            remove = remove_weight_norm if len(suffixes) > 1 else remove_spectral_norm
            remove(module, weight)
    return names
