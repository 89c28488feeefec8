"""Parameters that pruning can reach, each shared parameter once with every place that holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING

from prunepack.stages.pruning.layers import is_normalisation, is_scale, is_weight_name
from prunepack.stages.pruning.masks import (
    Place,
    count_pruned_weights,
    held_parameters,
    identify_memory,
)
from prunepack.stages.pruning.parametrizations import Role, compute_weight, find_roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import nn

__all__ = ["Prunable", "count_weights", "prunable_parameters"]


@dataclass(frozen=True, slots=True, eq=False)
class Prunable:
    """A parameter and every place that holds it: more than one where weights are tied.

    Attributes:
        tensor: The parameter without its mask.
        places: The places that hold it, in module order.
        roles: The role of the parameter in each of its places.
    """

    tensor: nn.Parameter
    places: tuple[Place, ...]
    roles: tuple[Role, ...]

    @property
    def name(self) -> str:
        """The state-dict name of the first place."""
        return self.places[0].name

    @property
    def weight(self) -> str:
        """The name of the weight that the first place determines, for people."""
        return self.roles[0].name

    @property
    def is_weight(self) -> bool:
        """Whether one of its places is a weight matrix by the names of torch's layers."""
        named = (not role.is_part and is_weight_name(role.weight) for role in self.roles)
        return self.tensor.ndim > 1 and any(named) and not self._is_scale

    @property
    def is_matrix(self) -> bool:
        """Whether it counts among prunable weights: two dimensions or more, and not a bias."""
        first = self.roles[0]
        other = first.is_part or first.weight.startswith("bias") or self._is_scale
        return self.tensor.ndim > 1 and not other

    @property
    def is_masked(self) -> bool:
        """Whether it has a mask."""
        return self._find_mask() is not None

    @property
    def mask(self) -> torch.Tensor:
        """A copy of the mask, or ones if there is none; shape and dtype of the parameter.

        It covers what a mask of a direction's norms prunes.
        """
        import torch

        place, role = self.places[0], self.roles[0]
        mask = self._find_mask()
        mask = torch.ones_like(self.tensor) if mask is None else mask
        mask = mask.detach().to(self.tensor.dtype, copy=True)
        norms = getattr(place.module, f"{role.norms}_mask", None) if role.is_direction else None
        return mask if norms is None else mask * norms

    @property
    def scores(self) -> torch.Tensor:
        """The values that are ranked: the weight that the parameter determines."""
        first = self.roles[0]
        return compute_weight(first) if first.is_direction else self.tensor.detach()

    @property
    def _is_scale(self) -> bool:
        return is_scale(self.roles[0].module, self.tensor)

    def _find_mask(self) -> torch.Tensor | None:
        first = self.places[0]
        mask: torch.Tensor | None = getattr(first.module, f"{first.parameter}_mask", None)
        return mask if hasattr(first.module, f"{first.parameter}_orig") else None


def prunable_parameters(model: nn.Module) -> list[Prunable]:
    """Return the parameters of prunable layers, in module order, each shared parameter once.

    A layer is prunable if it owns a parameter of at least two dimensions, as linear,
    convolutional, recurrent and embedding layers do. Normalisations are not prunable, and neither
    are weights whose parametrisation does not keep zeros.
    """
    find_role = find_roles(model)
    held = [
        (place, tensor, find_role(place))
        for place, tensor in held_parameters(model)
        if not is_normalisation(place.module)
    ]
    layers = {id(role.module) for _, tensor, role in held if tensor.ndim > 1}
    groups: dict[tuple[int, ...], list[tuple[Place, nn.Parameter, Role]]] = {}
    for place, tensor, role in held:
        if not role.obstacle:
            groups.setdefault(identify_memory(tensor), []).append((place, tensor, role))
    targets = (target for group in groups.values() for target in _join_group(group))
    return [target for target in targets if any(id(role.module) in layers for role in target.roles)]


def count_weights(model: nn.Module) -> tuple[int, int, int]:
    """Return (pruned weights, weights of masked tensors, weights that pruning could reach).

    Each shared tensor counts once, and the norms of a masked direction count as weights of it.
    """
    pruned, masked = count_pruned_weights(model)
    targets = prunable_parameters(model)
    places = {
        (id(target.places[0].module), target.places[0].parameter): target for target in targets
    }
    for target in targets:
        norms = places.get((id(target.places[0].module), target.roles[0].norms))
        if target.roles[0].is_direction and norms is not None and norms.is_masked:
            masked -= norms.tensor.numel()
    dense = sum(t.tensor.numel() for t in targets if t.is_matrix and not t.is_masked)
    return pruned, masked, masked + dense


def _join_group(group: list[tuple[Place, nn.Parameter, Role]]) -> Iterator[Prunable]:
    """Yield one parameter for places over the same memory; a place of another shape alone."""
    _, first, _ = group[0]
    joined, rest = [], []
    for place, tensor, role in group:
        order = _find_order(first, tensor)
        if order is None:
            rest.append((place, tensor, role))
        else:
            straight = order == tuple(range(tensor.ndim))
            joined.append((place, replace(role, order=None if straight else order)))
    yield Prunable(first, *zip(*joined, strict=True))
    if rest:
        yield from _join_group(rest)


def _find_order(first: torch.Tensor, other: torch.Tensor) -> tuple[int, ...] | None:
    """Return the order of the dimensions of ``first`` that makes it ``other``; None for no one."""
    if first is other:
        return tuple(range(first.ndim))
    if first.ndim != other.ndim or first.ndim > 5:
        return None
    wanted = (other.shape, other.stride())
    for order in permutations(range(first.ndim)):
        seen = first.detach().permute(order)
        if (seen.shape, seen.stride()) == wanted:
            return order
    return None
