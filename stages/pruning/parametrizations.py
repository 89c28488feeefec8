"""Weights that a layer computes from other parameters: weight_norm, spectral_norm and others.

A zero in the direction of such a weight is a zero of the weight, so the direction wears the mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prunepack.stages.pruning.masks import held_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from torch import nn

    from prunepack.stages.pruning.masks import Place

__all__ = [
    "Role",
    "compute_weight",
    "find_roles",
    "fold_masked",
    "fold_parametrizations",
    "spare_norms",
]


@dataclass(frozen=True, slots=True)
class Role:
    """The weight of a layer that a parameter determines: itself, or one computed from it.

    Attributes:
        layer: The name of the layer.
        module: The layer.
        weight: The name of the weight in the layer.
        is_direction: Whether the weight is computed, and a zero of the parameter is a zero of it.
        is_part: Whether the parameter is another part of a computed weight, such as its norms.
        norms: The parameter with the norms of a direction, in its module; empty if it has none.
        obstacle: The class of a parametrisation that does not keep zeros; empty otherwise.
        order: The dimensions of the first place's tensor, as this place has them; None if equal.
    """

    layer: str
    module: nn.Module
    weight: str
    is_direction: bool = False
    is_part: bool = False
    norms: str = ""
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
            for weight, originals in module.parametrizations.items():
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
    direction, norms = "original", ""
    if not hasattr(place.module, direction):
        direction, norms = "original1", "original0"
    is_direction = place.parameter == direction
    obstacle = (others or [""])[0]
    return Role(layer, module, weight, is_direction, not is_direction, norms, obstacle)


def _find_hooked_role(place: Place) -> Role:
    """Return the role of a parameter of ``nn.utils.weight_norm`` and ``spectral_norm``."""
    for weight, suffixes, _ in _find_hooks(place.module):
        if place.parameter in {f"{weight}{suffix}" for suffix in suffixes}:
            is_direction = place.parameter == f"{weight}{suffixes[0]}"
            norms = f"{weight}_g" if len(suffixes) > 1 else ""
            return Role(place.layer, place.module, weight, is_direction, not is_direction, norms)
    return Role(place.layer, place.module, place.parameter)


def _find_hooks(
    module: nn.Module,
) -> Iterator[tuple[str, tuple[str, ...], Callable[[], torch.Tensor]]]:
    """Yield per hooked weight: its name, the suffixes of its parts, and its computation."""
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            yield hook.name, ("_v", "_g"), partial(hook.compute_weight, module)
        elif isinstance(hook, SpectralNorm):
            compute = partial(hook.compute_weight, module, do_power_iteration=False)
            yield hook.name, ("_orig",), compute


def compute_weight(role: Role) -> torch.Tensor:
    """Return the weight that a layer in evaluation mode computes."""
    import torch

    with torch.no_grad():
        for weight, _, compute in _find_hooks(role.module):
            if weight == role.weight:
                return compute().detach()
        value: torch.Tensor = getattr(role.module, role.weight)
        return value.detach()


def spare_norms(
    place: Place, role: Role, mask: torch.Tensor, before: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return a mask of a direction that leaves every norm above zero, and the mask of the norms.

    A direction of zeros has no norm to be divided by: the weight would be NaN. Where ``mask``
    prunes all of it, the largest weight of the direction stays and the norm is pruned, so that the
    weight is zero all the same.

    Args:
        place: The place of the direction.
        role: Its role.
        mask: The new mask.
        before: The mask that it had.
    """
    import torch

    original = getattr(place.module, f"{place.parameter}_orig", None)
    original = getattr(place.module, place.parameter) if original is None else original
    norms = getattr(place.module, role.norms) if role.norms else torch.ones(())
    axes = [dim for dim in range(mask.ndim) if not norms.ndim or norms.shape[dim] == 1]
    alive = mask.amax(axes, keepdim=True)
    if bool(alive.all()):
        return mask, None
    magnitude = original.detach().abs().masked_fill(before == 0, -1.0)
    spared = (magnitude == magnitude.amax(axes, keepdim=True)) & (alive == 0)
    return mask.masked_fill(spared, 1.0), alive.reshape(norms.shape) if role.norms else None


def fold_parametrizations(model: nn.Module) -> list[str]:
    """Replace every computed weight by its value, and return the names of these weights."""
    from torch.nn.utils import remove_spectral_norm, remove_weight_norm
    from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

    names = []
    for layer, module in list(model.named_modules()):
        if is_parametrized(module):
            for weight in list(module.parametrizations):
                names.append(Role(layer, module, weight).name)
                remove_parametrizations(module, weight)
                _register_parameter(module, weight)
        for weight, suffixes, _ in list(_find_hooks(module)):
            names.append(Role(layer, module, weight).name)
            remove = remove_weight_norm if len(suffixes) > 1 else remove_spectral_norm
            remove(module, weight)
    return names


def _register_parameter(module: nn.Module, weight: str) -> None:
    """Make ``weight`` a parameter: torch leaves a tensor where the parts needed no gradient."""
    from torch import nn

    value = getattr(module, weight)
    if not isinstance(value, nn.Parameter):
        delattr(module, weight)
        module.register_parameter(weight, nn.Parameter(value.detach(), requires_grad=False))


def fold_masked(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Fold the computed weights of ``model``, whose masks were removed, and return ``masks``.

    The returned masks have the names of the weights. Each zero of a computed weight becomes +0.0:
    a negative norm makes -0.0 of it.
    """
    import torch

    find_role = find_roles(model)
    roles = {place.name: find_role(place) for place, _ in held_parameters(model)}
    folded = fold_parametrizations(model)
    state = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name in folded:
            state[name][state[name] == 0] = 0.0
    return {roles[name].name: mask for name, mask in masks.items() if not roles[name].is_part}
