"""Masks of a model that was pruned elsewhere: in its state dict, or as zeros of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.contract.messages import list_first
from prunepack.stages.contract.model_spec import LEAST_ZEROS, PrunedParameter
from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.masks import pruned_parameters, put_mask
from prunepack.stages.pruning.recomputation import recompute_before_forward
from prunepack.stages.pruning.targets import prunable_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import MaskSource
    from prunepack.stages.pruning.targets import Prunable
    from prunepack.stages.sources.state_keys import State

__all__ = [
    "FROM_FILE",
    "FROM_ZEROS",
    "StateMasks",
    "has_weights_under_masks",
    "mask_zeros",
    "split_masks",
]

FROM_FILE, FROM_ZEROS = "loaded", "zeros"
"""Origins of a mask, among the methods of a :class:`PrunedParameter`."""

SHOWN = 12


@dataclass(frozen=True, slots=True)
class StateMasks:
    """A state dict and its masks.

    Attributes:
        state: The tensors to load: with ``NAME_orig`` and ``NAME_mask`` where masks are kept.
        masked: The names of the parameters under a mask.
    """

    state: State
    masked: tuple[str, ...]

    @property
    def places(self) -> list[tuple[str, str]]:
        """The layer and the parameter of each mask."""
        return [(layer, name) for layer, _, name in (n.rpartition(".") for n in self.masked)]


def split_masks(state: State, choice: MaskSource, source: str) -> StateMasks:
    """Find the masks in ``state``, and take them off if ``choice`` is ``none``.

    Raises:
        RefusedError: If a mask holds other values than 0 and 1.
    """
    state = _rename_sparsified(state)
    masked = tuple(
        name.removesuffix("_mask")
        for name in state
        if name.endswith("_mask") and f"{name.removesuffix('_mask')}_orig" in state
    )
    for name in masked:
        _check_mask(f"{name}_mask", state[f"{name}_mask"], source)
    if masked and choice == "none":
        remark(f"masks of `{source}` taken off: the weights under them are loaded")
        return StateMasks(_take_off(state, masked), ())
    if masked:
        count = f"{len(masked)} mask{'s' if len(masked) > 1 else ''}"
        remark(f"{count} found in `{source}`")
    return StateMasks(state, masked)


def _rename_sparsified(state: State) -> State:
    """Return the masks of torch.ao.pruning under the names of torch.nn.utils.prune."""
    renamed = {}
    for name in state:
        layer, found, parameter = name.removesuffix(".original").rpartition("parametrizations.")
        if found and name.endswith(".original") and f"{name[:-9]}.0.mask" in state:
            renamed[name] = f"{layer}{parameter}_orig"
            renamed[f"{name[:-9]}.0.mask"] = f"{layer}{parameter}_mask"
    return {renamed.get(name, name): tensor for name, tensor in state.items()}


def _check_mask(name: str, mask: torch.Tensor, source: str) -> None:
    wrong = mask[(mask != 0) & (mask != 1)]
    if wrong.numel():
        raise RefusedError(
            f"the mask `{name}` of `{source}` holds other values than 0 and 1",
            expected="zeros and ones",
            found=f"{float(wrong.flatten()[0]):g}",
            hint="Multiply soft masks into the weights before saving",
        )


def _take_off(state: State, masked: tuple[str, ...]) -> State:
    names = {f"{name}_orig": name for name in masked}
    gone = {f"{name}_mask" for name in masked}
    return {names.get(name, name): tensor for name, tensor in state.items() if name not in gone}


def mask_zeros(model: nn.Module, choice: MaskSource) -> tuple[PrunedParameter, ...]:
    """Mask the zeros of weights without a mask, and return the masked parameters.

    ``auto`` takes the zeros of a weight with at least 30 % zeros. A weight of zeros alone
    is taken only beside others, since layers are often initialised to zero.
    """
    if choice not in {"auto", "from_zeros"}:
        return ()
    counted = dict(_count_zeros(model, 0.0 if choice == "from_zeros" else LEAST_ZEROS))
    others = any(True for _ in pruned_parameters(model)) or any(f < 1 for f in counted.values())
    if choice == "auto":
        counted = {t: f for t, f in counted.items() if f < 1 or (others and t.is_weight)}
    for target in counted:
        for place in target.places:
            weight = getattr(place.module, place.parameter).detach()
            put_mask(place.module, place.parameter, (weight != 0).to(weight.dtype))
    recompute_before_forward(model)
    if counted:
        shown = (f"`{target.name}` ({100 * share:.1f} %)" for target, share in counted.items())
        remark(f"zeros taken as masks in {list_first(shown, SHOWN)}")
    return tuple(
        PrunedParameter(
            layer=place.layer,
            parameter=place.parameter,
            methods=(FROM_ZEROS,),
            weight=role.name,
        )
        for target in counted
        for place, role in zip(target.places, target.roles, strict=True)
    )


def _count_zeros(model: nn.Module, least: float) -> Iterator[tuple[Prunable, float]]:
    """Yield the weights without a mask, with their fraction of zeros if it is large enough."""
    for target in prunable_parameters(model):
        weight = target.tensor
        if target.is_masked or not target.is_matrix or not weight.numel():
            continue
        zeros = weight.numel() - int(weight.detach().count_nonzero())
        if zeros and zeros >= least * weight.numel():
            yield target, zeros / weight.numel()


def has_weights_under_masks(state: Mapping[str, torch.Tensor], masked: tuple[str, ...]) -> bool:
    """Return whether any weight under a mask of the state dict is not zero."""
    return any(
        bool((state[f"{name}_orig"][state[f"{name}_mask"] == 0] != 0).any()) for name in masked
    )
