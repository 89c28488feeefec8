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
    "Prunable",
    "Pruned",
    "count_pruned_weights",
    "count_units",
    "held_parameters",
    "join_name",
    "lift_mask",
    "prunable_parameters",
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


@dataclass(frozen=True, slots=True, eq=False)
class Prunable:
    """A parameter and every place that holds it: more than one where weights are tied.

    Attributes:
        tensor: The parameter without its mask.
        places: The places that hold it, in module order; its name is that of the first place.
    """

    tensor: nn.Parameter
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """The state-dict name of the first place."""
        return self.places[0].name

    @property
    def mask(self) -> torch.Tensor:
        """A copy of the mask, or ones if there is none; shape and dtype of the parameter."""
        import torch

        first = self.places[0]
        mask = getattr(first.module, f"{first.parameter}_mask", torch.ones_like(self.tensor))
        return mask.detach().to(self.tensor.dtype, copy=True)


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


def prunable_parameters(model: nn.Module) -> list[Prunable]:
    """Return the parameters of prunable layers, in module order, each shared parameter once.

    A layer is prunable if it owns a parameter of at least two dimensions, as linear,
    convolutional, recurrent and embedding layers do. Normalisations are not prunable.
    """
    held = list(held_parameters(model))
    layers = {id(place.module) for place, tensor in held if tensor.ndim > 1}
    chosen = {id(tensor): tensor for place, tensor in held if id(place.module) in layers}
    places: dict[int, list[Place]] = {}
    for place, tensor in held:
        places.setdefault(id(tensor), []).append(place)
    return [Prunable(tensor, tuple(places[key])) for key, tensor in chosen.items()]


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


def lift_mask(place: Pruned) -> None:
    """Take the mask off: the parameter becomes the original tensor, bit for bit."""
    from torch.nn.utils import prune

    original = place.original.data
    prune.remove(place.module, place.parameter)
    getattr(place.module, place.parameter).data = original


def count_pruned_weights(model: nn.Module) -> tuple[int, int]:
    """Return (pruned, all) weights of the parameters with a mask, each shared parameter once."""
    masks = {id(place.original): place.mask for place in pruned_parameters(model)}
    remaining = sum(int(mask.count_nonzero()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    return total - remaining, total


def count_units(masks: Sequence[torch.Tensor], dim: int | None) -> tuple[int, int]:
    """Return (all, remaining) weights of ``masks``, or channels along ``dim``.

    A channel remains as long as one of its weights remains.

    Raises:
        IndexError: If a mask has no such dimension.
    """
    if dim is not None:
        masks = [mask.movedim(dim, 0).unsqueeze(-1).flatten(1).any(1) for mask in masks]
    return sum(mask.numel() for mask in masks), sum(int(mask.count_nonzero()) for mask in masks)
