"""Remarks about weights that pruning left out or emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.layers import is_normalisation
from prunepack.stages.pruning.masks import held_parameters, pruned_parameters
from prunepack.stages.pruning.parametrizations import find_roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch
    from torch import nn

    from prunepack.stages.pruning.targets import Prunable

__all__ = [
    "remark_constant",
    "remark_emptied",
    "remark_excluded",
    "remark_obstacles",
    "remark_rescaled",
    "remark_unreached",
    "remark_untrained",
]

SHOWN = 8
"""The number of names in one remark."""

TOLERATED = 0.01
"""The growth of a remaining weight that is not worth a remark."""


def remark_excluded(targets: Sequence[Prunable]) -> None:
    """Name the weights that the recipe excludes."""
    if names := [target.weight for target in targets if target.is_weight]:
        remark(f"excluded: {_list(names)}")


def remark_unreached(targets: Iterable[Prunable], reached: Iterable[Prunable]) -> None:
    """Name the weights without a mask that no rule reached."""
    covered = {id(target) for target in reached}
    names = [
        target.weight
        for target in targets
        if id(target) not in covered and not target.is_masked and target.is_matrix
    ]
    if names:
        remark(f"no rule reached {_list(names)}")


def remark_obstacles(model: nn.Module) -> None:
    """Name the weights whose parametrisation does not keep zeros."""
    find_role = find_roles(model)
    seen = set()
    for place, tensor in held_parameters(model):
        role = find_role(place)
        if role.obstacle and role.name not in seen and not is_normalisation(role.module):
            seen.add(role.name)
            if tensor.ndim > 1:
                remark(
                    f"`{role.name}` is not pruned: its parametrisation `{role.obstacle}` does not "
                    "keep zeros"
                )


def remark_emptied(targets: Iterable[Prunable]) -> None:
    """Name the weights that pruning emptied."""
    masks = ((target.weight, target.mask) for target in targets)
    names = [name for name, mask in masks if mask.numel() and not bool(mask.any())]
    if names:
        have, layers = (
            ("has", "its layer gives") if len(names) == 1 else ("have", "their layers give")
        )
        remark(
            f"{_list(names)} {have} no weights left: {layers} a constant; prune.min_left keeps some"
        )


def remark_rescaled(weights: Sequence[tuple[Prunable, torch.Tensor]]) -> None:
    """Name the computed weights whose remaining values changed with their mask.

    Args:
        weights: Parameters that are directions, each with its weight before pruning.
    """
    factors: dict[str, float] = {}
    for target, before in weights:
        after = target.scores
        kept = (after != 0) & (before != 0)
        if bool(kept.any()):
            factor = float((after[kept].double() / before[kept].double()).abs().max())
            if factor > 1 + TOLERATED:
                factors[target.weight] = factor
    if factors:
        largest = max(factors.values())
        remark(
            f"remaining weights of {_list(list(factors))} are up to {largest:.3g} times larger "
            "than before: their layers divide by a norm, which pruning makes smaller; fine-tune "
            "them, or remove the norm before pruning"
        )


def remark_untrained(model: nn.Module) -> None:
    """Name the masked weights that got no gradient, after a training that gave gradients to others.

    No layer of the forward pass used them, or one used them without a gradient.
    """
    if all(parameter.grad is None for parameter in model.parameters()):
        return
    find_role = find_roles(model)
    names = [
        find_role(place).name
        for place in pruned_parameters(model)
        if place.original.requires_grad and place.original.grad is None
    ]
    if names:
        remark(f"training left {_list(names)} as before: no gradient reached them")


def remark_constant(before: Iterable[torch.Tensor], after: Iterable[torch.Tensor]) -> None:
    """Name the outputs that differed between samples before pruning, and are all equal now."""
    for index, (dense, pruned) in enumerate(zip(before, after, strict=False)):
        if _varies(dense) and not _varies(pruned):
            remark(
                f"output {index} no longer depends on the inputs: all random samples give the same "
                "values; prune less, or set prune.min_left"
            )


def _varies(output: torch.Tensor) -> bool:
    """Return whether the samples of a batch give different values."""
    return output.ndim > 0 and bool((output != output[:1]).any())


def _list(names: Sequence[str]) -> str:
    """Return the first of ``names`` in quotes, and their number if there are more."""
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN])
    return f"{shown}, … ({len(names)} in all)" if len(names) > SHOWN else shown
