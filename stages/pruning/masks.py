"""Pruning masks on a live module: places for masks, putting masks on, taking masks off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

__all__ = [
    "Place",
    "Pruned",
    "count_pruned_weights",
    "count_units",
    "held_parameters",
    "identify_memory",
    "join_name",
    "lift_mask",
    "pruned_parameters",
    "put_mask",
]


@dataclass(frozen=True, slots=True)
class Place:
    """An attribute of a module that holds a parameter, masked or not."""

    layer: str
    module: nn.Module
    parameter: str

    @property
    def name(self) -> str:
        """The parameter's name in the dense model's state dict."""
        return join_name(self.layer, self.parameter)


@dataclass(frozen=True, slots=True)
class Pruned(Place):
    """A parameter with a mask: ``module.NAME = module.NAME_orig * module.NAME_mask``."""

    @property
    def original(self) -> nn.Parameter:
        """The trainable tensor under the mask."""
        value: nn.Parameter = getattr(self.module, f"{self.parameter}_orig")
        return value

    @property
    def mask(self) -> torch.Tensor:
        """Ones for remaining weights, zeros for pruned ones; shape and dtype of the weight."""
        value: torch.Tensor = getattr(self.module, f"{self.parameter}_mask")
        return value


def join_name(layer: str, parameter: str) -> str:
    """Return the state-dict name of ``parameter`` in ``layer``."""
    return f"{layer}.{parameter}" if layer else parameter


def pruned_parameters(model: nn.Module) -> Iterator[Pruned]:
    """Yield every parameter that a pruning hook recomputes, in module order."""
    for layer, module in model.named_modules():
        for name in _masked_names(module):
            yield Pruned(layer, module, name)


def held_parameters(model: nn.Module) -> Iterator[tuple[Place, nn.Parameter]]:
    """Yield every parameter with each place that holds it, a :class:`Pruned` if it has a mask.

    Shared parameters and shared modules come once per name.
    """
    for layer, module in model.named_modules(remove_duplicate=False):
        masked = {f"{name}_orig": name for name in _masked_names(module)}
        for name, tensor in module.named_parameters(recurse=False, remove_duplicate=False):
            if name in masked:
                yield Pruned(layer, module, masked[name]), tensor
            else:
                yield Place(layer, module, name), tensor


def _masked_names(module: nn.Module) -> list[str]:
    from torch.nn.utils.prune import BasePruningMethod

    hooks = module._forward_pre_hooks.values()
    return [hook._tensor_name for hook in hooks if isinstance(hook, BasePruningMethod)]


def put_mask(module: nn.Module, parameter: str, mask: torch.Tensor) -> None:
    """Prune ``parameter`` of ``module`` by ``mask``, combined with any mask that it has.

    The hook is torch's ``Identity``, which does not keep a second copy of the mask as
    ``CustomFromMask`` does. The masked tensor is made without a graph, so the module can be copied
    and pickled; the forward pass makes a tensor with a graph.
    """
    import torch
    from torch.nn.utils import prune

    with torch.no_grad():
        if parameter not in _masked_names(module):
            prune.identity(module, parameter)
        place = Pruned("", module, parameter)
        place.mask.mul_(mask)
        setattr(module, parameter, place.original * place.mask)
    _run_masks_first(module)


def _run_masks_first(module: nn.Module) -> None:
    """Move the hooks of masks before others, which may compute a weight from a masked one."""
    from torch.nn.utils.prune import BasePruningMethod

    hooks = module._forward_pre_hooks
    for key in [key for key, hook in hooks.items() if not isinstance(hook, BasePruningMethod)]:
        hooks[key] = hooks.pop(key)


def lift_mask(place: Pruned) -> None:
    """Take the mask off: the parameter becomes the original tensor, bit for bit."""
    from torch.nn.utils import prune

    original = place.original.data
    prune.remove(place.module, place.parameter)
    getattr(place.module, place.parameter).data = original


def count_pruned_weights(model: nn.Module) -> tuple[int, int]:
    """Return (pruned, all) weights of the parameters with a mask, each shared tensor once."""
    masks = {identify_memory(place.original): place.mask for place in pruned_parameters(model)}
    remaining = sum(int(mask.count_nonzero()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    return total - remaining, total


def identify_memory(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return a key that is equal for tensors that are all of the same memory.

    Tied parameters are one tensor, or several over one memory, as where an output layer holds the
    transposed weight of an input layer.
    """
    whole = tensor.nbytes == tensor.untyped_storage().nbytes()
    at = tensor.data_ptr()
    return (at, tensor.numel()) if whole and at else (id(tensor),)


def count_units(masks: Sequence[torch.Tensor], dim: int | None) -> tuple[int, int]:
    """Return (all, remaining) weights of ``masks``, or channels along ``dim``.

    A channel remains as long as one of its weights remains.

    Raises:
        IndexError: If a mask has no such dimension.
    """
    if dim is not None:
        masks = [mask.movedim(dim, 0).unsqueeze(-1).flatten(1).any(1) for mask in masks]
    return sum(mask.numel() for mask in masks), sum(int(mask.count_nonzero()) for mask in masks)
