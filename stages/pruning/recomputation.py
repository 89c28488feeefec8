"""Masks in force: in every forward and backward pass, whoever reads a masked weight.

``torch.nn.utils.prune`` recomputes a masked weight when its own module is called. Some modules read
the weight of another one without a call, as ``MultiheadAttention`` reads that of its ``out_proj``
and as the fast path of ``TransformerEncoderLayer`` does: the weight is then the one of an earlier
pass, and it gets no gradient. So every module that contains masked modules recomputes their
weights before it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.pruning.masks import lift_mask, pruned_parameters, put_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch
    from torch import nn

    from prunepack.stages.pruning.masks import Pruned

__all__ = ["find_bypassed", "recompute_before_forward", "recompute_masked_weights"]


def recompute_masked_weights(model: nn.Module) -> None:
    """Compute every masked weight of ``model`` from its parameter and its mask, without a graph."""
    import torch

    with torch.no_grad():
        _recompute(model)


def _recompute(module: nn.Module, _arguments: Any = ()) -> None:
    """Compute the masked weights of ``module`` and of the modules in it: a forward pre-hook."""
    for place in pruned_parameters(module):
        setattr(place.module, place.parameter, place.original * place.mask)


def recompute_before_forward(model: nn.Module) -> None:
    """Make every module recompute the masked weights below it before each of its forward passes.

    A second call changes nothing. Users may call a part of the model alone, so the root is not
    enough.
    """
    masked = {id(place.module) for place in pruned_parameters(model)}
    for module in model.modules():
        inside = any(id(child) in masked for child in module.modules() if child is not module)
        if inside and _recompute not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(_recompute, prepend=True)


def find_bypassed(model: nn.Module, run: Callable[[], Iterable[torch.Tensor]]) -> list[Pruned]:
    """Return the masked parameters that a forward pass reads without their masks.

    Such a parameter gets a gradient when its mask is off, and none when it is on.

    Args:
        model: The masked model.
        run: A forward pass of ``model`` with gradients; returns the outputs.
    """
    places = [place for place in pruned_parameters(model) if place.original.requires_grad]
    suspects = _list_untouched(places, run)
    if not suspects:
        return []
    masks = [(place, place.mask.clone()) for place in suspects]
    for place, _ in masks:
        lift_mask(place)
    try:
        tensors = [getattr(place.module, place.parameter) for place in suspects]
        gradients = _differentiate(run(), tensors)
    finally:
        for place, mask in masks:
            put_mask(place.module, place.parameter, mask)
    pairs = zip(suspects, gradients, strict=True)
    return [place for place, gradient in pairs if gradient is not None]


def _list_untouched(
    places: Sequence[Pruned], run: Callable[[], Iterable[torch.Tensor]]
) -> list[Pruned]:
    """Return the ``places`` whose parameters get no gradient."""
    gradients = _differentiate(run(), [place.original for place in places])
    return [place for place, grad in zip(places, gradients, strict=True) if grad is None]


def _differentiate(
    outputs: Iterable[torch.Tensor], tensors: Sequence[torch.Tensor]
) -> Sequence[torch.Tensor | None]:
    """Return the gradient of the sum of ``outputs`` by each of ``tensors``; None for no part."""
    import torch

    terms = [value.sum() for value in outputs if value.requires_grad]
    if not terms or not tensors:
        return [None] * len(tensors)
    return torch.autograd.grad(terms, tensors, allow_unused=True)
