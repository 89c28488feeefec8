"""Witness of a module before training: layers, state, masks and parameters under masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.pruning.masks import pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from prunepack.stages.pruning.masks import Pruned

__all__ = ["ModelWitness"]

KEEP_MASKS = "Leave the pruning hooks on: finalize removes them"
KEEP_LAYERS = "Change layers in the factory: a hook only trains"
KEEP_STATE = "Change values in place: the factory decides names, shapes and dtypes"
KEEP_PARAMETER = "Change the parameter in place: an earlier optimizer would train the old one"
KEEP_FINITE = "Lower the learning rate"


@dataclass(frozen=True, slots=True)
class ModelWitness:
    """The parts of a module that no training may change.

    Attributes:
        layers: Every module by name.
        state: Dtype, shape and the number of values that are not finite, by state-dict name.
        masks: Per masked parameter: its place, the tensor under the mask, a copy of the mask.
    """

    layers: Mapping[str, nn.Module]
    classes: Mapping[str, str]
    state: Mapping[str, tuple[torch.dtype, tuple[int, ...], int]]
    masks: tuple[tuple[Pruned, nn.Parameter, torch.Tensor], ...]

    @classmethod
    def of(cls, model: nn.Module) -> ModelWitness:
        """Remember ``model`` as it is now."""
        layers = dict(model.named_modules())
        return cls(
            layers,
            {name: type(layer).__name__ for name, layer in layers.items()},
            {
                name: (tensor.dtype, tuple(tensor.shape), _count_not_finite(tensor))
                for name, tensor in _list_tensors(model).items()
            },
            tuple(
                (place, place.original, place.mask.clone()) for place in pruned_parameters(model)
            ),
        )

    def check(self, model: nn.Module, actor: str) -> None:
        """Compare ``model`` with the remembered one; ``actor`` names the code that trained it.

        Raises:
            RefusedError: If a layer, a mask or a tensor was replaced, added or removed, or has
                values that are not finite; the error names it.
        """
        for problem in (
            self._find_other_layer(model),
            self._find_other_mask(model),
            self._find_other_tensor(model),
        ):
            if problem is not None:
                act, expected, found, hint = problem
                event = f"{actor} {act}"
                raise RefusedError(event, expected=expected, found=found, hint=hint)

    def _find_other_layer(self, model: nn.Module) -> tuple[str, str, str, str] | None:
        now = dict(model.named_modules())
        for name, layer in self.layers.items():
            expected = self.classes[name]
            if name not in now:
                return f"removed layer `{name}`", expected, "none", KEEP_LAYERS
            found = type(now[name]).__name__
            if now[name] is not layer or found != expected:
                found = f"another {found}" if found == expected else found
                return f"replaced layer `{name}`", expected, found, KEEP_LAYERS
        for name in now.keys() - self.layers.keys():
            return f"added layer `{name}`", "none", type(now[name]).__name__, KEEP_LAYERS
        return None

    def _find_other_mask(self, model: nn.Module) -> tuple[str, str, str, str] | None:
        now = {place.name: place for place in pruned_parameters(model)}
        for before, original, mask in self.masks:
            name, place = f"`{before.name}`", now.pop(before.name, None)
            if place is None:
                return f"removed the mask of {name}", "the mask that it had", "none", KEEP_MASKS
            if place.original is not original:
                replaced = f"replaced the parameter {name}"
                return replaced, "the parameter that it had", "another one", KEEP_PARAMETER
            revived = _count_revived(place.mask, mask)
            if revived is not None:
                found = f"another one, {revived:,} weights revived"
                return f"changed the mask of {name}", "the mask that it had", found, KEEP_MASKS
        for name in now:
            hint = "Prune in the prune stage: hooks only train"
            return f"pruned `{name}`", "no mask, as before", "a mask", hint
        return None

    def _find_other_tensor(self, model: nn.Module) -> tuple[str, str, str, str] | None:
        now = _list_tensors(model)
        for name, (dtype, shape, bad) in self.state.items():
            expected = _describe(dtype, shape)
            if name not in now:
                return f"removed `{name}`", expected, "none", KEEP_STATE
            tensor = now[name]
            if (tensor.dtype, tuple(tensor.shape)) != (dtype, shape):
                found = _describe(tensor.dtype, tuple(tensor.shape))
                return f"changed `{name}`", expected, found, KEEP_STATE
            worse = _count_not_finite(tensor)
            if worse > bad:
                found = f"{worse:,} of {tensor.numel():,} are NaN or Inf"
                return f"left wrong values in `{name}`", "finite numbers", found, KEEP_FINITE
        for name in now.keys() - self.state.keys():
            found = _describe(now[name].dtype, tuple(now[name].shape))
            return f"added `{name}`", "none", found, KEEP_STATE
        return None


def _list_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of the state dict; extra state is not a tensor."""
    import torch

    state = model.state_dict().items()
    return {name: value for name, value in state if isinstance(value, torch.Tensor)}


def _describe(dtype: torch.dtype, shape: tuple[int, ...]) -> str:
    return f"{str(dtype).removeprefix('torch.')} {shape}"


def _count_not_finite(tensor: torch.Tensor) -> int:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return 0
    return int((~tensor.isfinite()).sum())


def _count_revived(now: torch.Tensor, before: torch.Tensor) -> int | None:
    """Return the number of pruned weights that ``now`` revives; None if nothing changed."""
    if now.shape != before.shape:
        return 0
    now, before = now.cpu() != 0, before.cpu() != 0
    return None if bool((now == before).all()) else int((now & ~before).sum())
