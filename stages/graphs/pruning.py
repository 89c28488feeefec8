"""Pruning rules applied to the initializers of an ONNX model, without torch."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError, UsageError, quote
from prunepack.stages.contract.user_code import is_user_code
from prunepack.stages.graphs.masks import (
    count_channels,
    draw_like_torch,
    mask_groups,
    mask_random,
    mask_random_channels,
    mask_smallest,
    mask_smallest_channels,
)
from prunepack.stages.pruning.schedules import count_pruned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunepack.stages.contract.arrays import Array
    from prunepack.stages.graphs.weights import GraphWeight
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round

__all__ = [
    "GraphTensor",
    "apply_graph_rule",
    "draw_for_round",
]

TOGETHER = ("l1_unstructured", "random_unstructured")
"""Methods that rank single weights, so that they can rank several tensors together."""
INPUTS = 1
"""The axis of inputs, along which N:M sparsity runs."""
STRUCTURED = ("ln_structured", "random_structured")
NOTHING = ("identity", "none")
"""Methods that prune nothing."""


@dataclass(eq=False)
class GraphTensor:
    """A weight with its values and its mask, both in torch's order of axes.

    Attributes:
        weight: The weight.
        values: Its values.
        mask: True for remaining weights.
    """

    weight: GraphWeight
    values: Array
    mask: Array

    @property
    def name(self) -> str:
        """The name of the initializer."""
        return self.weight.name

    def is_named(self, rule: Rule) -> bool:
        """Return whether ``rule`` covers the weight under any of its names."""
        if rule.parameter == "weight":
            is_weight = self.values.ndim >= 2
            return is_weight and any(rule.matches(place.layer) for place in self.weight.places)
        return any(
            rule.matches(place.layer) and fnmatch.fnmatchcase(place.parameter, rule.parameter)
            for place in self.weight.places
        )


def apply_graph_rule(
    rule: Rule, tensors: Sequence[GraphTensor], this_round: Round, draw: Callable[[int], Array]
) -> None:
    """Prune each of ``tensors`` alone, or all together if the rule's scope is global.

    Raises:
        UsageError: If the method cannot prune them, or needs torch.
        RefusedError: If a file of masks does not fit.
    """
    if rule.method in NOTHING:
        return
    is_global = rule.scope == "global" or (rule.scope, rule.method) == ("auto", "l1_unstructured")
    if is_global and rule.method not in TOGETHER:
        raise UsageError(
            f"`{rule.method}` cannot prune several tensors together",
            expected="scope local, or a method that ranks single weights",
            found="scope global",
        )
    for group in [list(tensors)] if is_global else [[tensor] for tensor in tensors]:
        masks = _compute_masks(rule, group, this_round, draw)
        for tensor, mask in zip(group, masks, strict=True):
            tensor.mask = mask


def _compute_masks(
    rule: Rule, group: list[GraphTensor], this_round: Round, draw: Callable[[int], Array]
) -> list[Array]:
    values, masks = [tensor.values for tensor in group], [tensor.mask for tensor in group]
    if rule.method in TOGETHER:
        units = sum(mask.size for mask in masks), sum(int(mask.sum()) for mask in masks)
        count = _count_units(rule, *units, this_round)
        least = [_count_least(rule, mask.size) for mask in masks]
        if rule.method == "l1_unstructured":
            return mask_smallest(values, masks, count, least)
        return mask_random(masks, count, least, draw)
    (tensor,) = group
    try:
        return [_compute_mask(rule, tensor, this_round, draw)]
    except (IndexError, ValueError) as error:
        raise UsageError(
            f"`{rule.method}` cannot prune `{tensor.name}`",
            found=str(error),
            hint="Change the method's options, or leave the layer out with the rule's layers",
        ) from None


def _compute_mask(
    rule: Rule, tensor: GraphTensor, this_round: Round, draw: Callable[[int], Array]
) -> Array:
    if rule.method in STRUCTURED:
        dim = rule.dim or 0
        channels = count_channels(tensor.mask, dim)
        count = _count_units(rule, channels.size, int(channels.sum()), this_round)
        count = min(count, max(0, int(channels.sum()) - _count_least(rule, channels.size)))
        if rule.method == "ln_structured":
            return mask_smallest_channels(tensor.values, tensor.mask, count, dim, rule.norm)
        return mask_random_channels(tensor.mask, count, dim, draw)
    if rule.method == "n_m":
        n, m = map(int, rule.pattern.split(":"))
        return mask_groups(
            tensor.values, tensor.mask, n, m, dim=INPUTS if rule.dim is None else rule.dim
        )
    if rule.method == "custom_from_mask":
        return tensor.mask & _read_mask(rule, tensor)
    raise UsageError(
        f"`{rule.method}` cannot prune an ONNX model",
        expected="a built-in method, which needs no torch",
        found="a method of your own" if is_user_code(rule.method) else "a method that needs torch",
        hint="Choose a built-in method, or give masks with custom_from_mask",
    )


def _count_units(rule: Rule, total: int, remaining: int, this_round: Round) -> int:
    """Return the units of this round, as torch counts them: of the remaining ones.

    Raises:
        UsageError: If the amount is a larger count.
    """
    amount, schedule = rule.amount, this_round.schedule
    most = remaining if schedule == "one_shot" else total
    if isinstance(amount, int) and amount > most:
        raise UsageError(
            f"`{rule.method}` cannot prune that much of the layers {quote(rule.layers)}",
            expected=f"an amount of at most {most:,}",
            found=f"{amount:,}",
            hint="Write a fraction with a point: 0.9 is a fraction, 100 is a count",
        )
    if schedule == "one_shot":
        return amount if isinstance(amount, int) else round(amount * remaining)
    goal = count_pruned(schedule, amount, total, this_round.step, this_round.steps)
    return max(0, goal - (total - remaining))


def _count_least(rule: Rule, total: int) -> int:
    """Return the number of units that at least stay: a count, or a fraction rounded up."""
    least = rule.min_left
    return min(total, least) if isinstance(least, int) else math.ceil(least * total)


def _read_mask(rule: Rule, tensor: GraphTensor) -> Array:
    """Return the mask in the rule's file, in torch's order of axes.

    Raises:
        RefusedError: If the file cannot be read, or has no mask of this shape with 0 and 1.
    """
    from safetensors import SafetensorError, safe_open

    assert rule.mask_file is not None, "rules with this method have a mask file"
    plain = tensor.name.removesuffix(".T")
    try:
        with safe_open(rule.mask_file, framework="np") as masks:
            keys = set(masks.keys())
            names = (tensor.name, f"{tensor.name}_mask", plain, f"{plain}_mask")
            key = next((name for name in names if name in keys), None)
            mask = None if key is None else np.asarray(masks.get_tensor(key))
    except (SafetensorError, OSError) as error:
        raise RefusedError(
            f"{rule.mask_file} cannot be read", expected="a safetensors file", found=str(error)
        ) from None
    if mask is None or not np.isin(mask, (0, 1)).all():
        raise RefusedError(
            f"{rule.mask_file} has no mask of `{tensor.name}`",
            expected=f"zeros and ones as {tensor.name} or {tensor.name}_mask",
            found="other values"
            if mask is not None
            else ", ".join(sorted(keys)[:5]) or "no tensor",
            hint="Correct the mask, or leave the layer out with the rule's layers",
        )
    if mask.shape != tensor.mask.shape or key in {tensor.name, f"{tensor.name}_mask"}:
        stored = tuple(tensor.weight.tensor.dims)
        if mask.shape != stored:
            raise RefusedError(
                f"{rule.mask_file} holds a mask of the wrong shape for `{tensor.name}`",
                expected=f"the shape {stored}",
                found=str(mask.shape),
            )
        mask = tensor.weight.orient(mask)
    return mask.astype(bool)


def draw_for_round(seed: int, this_round: Round) -> Callable[[int], Array]:
    """Return the random numbers that the prune stage draws in a round with torch."""
    return draw_like_torch(seed + this_round.step - 1)
