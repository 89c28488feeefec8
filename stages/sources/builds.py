"""Equality of two builds of a model, in the tensors that its state dict leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.pruning.masks import pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

__all__ = ["check_builds"]


def check_builds(model: nn.Module, source: str, rebuild: Callable[[], nn.Module]) -> None:
    """Build a model again, and compare the tensors that its state dict leaves out.

    Raises:
        RefusedError: If they differ: every stage builds the model, so each would run another one.
    """
    unsaved = _find_unsaved_tensors(model)
    if not unsaved:
        return
    again = _find_unsaved_tensors(rebuild())
    differing = [
        name
        for name, tensor in unsaved.items()
        if name not in again or not _have_equal_bytes(tensor, again[name])
    ]
    if differing:
        names = ", ".join(f"`{name}`" for name in differing[:8])
        raise RefusedError(
            f"two builds of `{source}` differ in tensors that the state dict leaves out",
            expected="the same values from every call of the factory",
            found=names,
            hint="Register these tensors as persistent buffers, or draw them from the global "
            "generator of torch, numpy or random",
        )


def _find_unsaved_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors that the state dict leaves out: buffers and plain attributes."""
    import torch

    saved = {id(tensor) for tensor in module.state_dict(keep_vars=True).values()}
    unsaved = {name: tensor for name, tensor in module.named_buffers() if id(tensor) not in saved}
    masked = {id(getattr(place.module, place.parameter)) for place in pruned_parameters(module)}
    for layer, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor) and id(value) not in saved | masked:
                unsaved[f"{layer}.{name}" if layer else name] = value
    return unsaved


def _have_equal_bytes(first: torch.Tensor, second: torch.Tensor) -> bool:
    import torch

    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.is_meta or first.layout != torch.strided:
        return True
    parts = (tensor.detach().cpu().contiguous().reshape(-1) for tensor in (first, second))
    return torch.equal(*(part.view(torch.uint8) for part in parts))
