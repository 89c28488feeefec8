"""Repair of linear layers after pruning: the remaining weights by least squares, without training.

Given its mask, the weights of each output are those with which the layer, on the inputs that the
pruned layers before it give, comes closest to the output of the dense layer. Layers are repaired
in the order of the forward pass, so that errors do not add up (Frantar and Alistarh 2022; 2023).
A layer whose output is added to other values also corrects the errors of these.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.stages.calibration.layer_inputs import (
    read_batches,
    record_until,
    select_tokens,
    shorten,
    watch_inputs,
)
from prunepack.stages.calibration.moments import Gap, Moments, Seen, Target, copy_tensor
from prunepack.stages.calibration.residuals import find_sums
from prunepack.stages.contract.progress import remark, track
from prunepack.stages.pruning.masks import Pruned, pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.calibration.layer_inputs import Batch
    from prunepack.stages.data.datasets import Data

__all__ = ["reconstruct"]

SAMPLES = 500
MEMORY = 1 << 30
"""Bytes for the inputs of several layers in the dense model."""
DAMPING = 0.01
"""Weight of the dense values in the least squares, as a fraction of an input's energy."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Layers with the same input; of a single one, the module that has its output in a sum."""

    targets: list[Target]
    sum: nn.Module | None

    @property
    def watched(self) -> list[nn.Module]:
        """The modules whose inputs the repair needs, in the order of the forward pass."""
        return [self.targets[0].place.module, *([self.sum] if self.sum else [])]


def reconstruct(model: nn.Module, data: Data | None) -> None:
    """Repair every masked linear layer of ``model`` in place; the masks stay.

    It is a hook: ``finetune.hook = "prunepack.stages.calibration.reconstruction:reconstruct"``.

    Raises:
        UsageError: If there are no training samples.
    """
    import torch

    model.eval()
    batches = shorten(model, read_batches(data, SAMPLES))
    with torch.no_grad():
        groups = _group_layers(model, batches[0])
        repairs = _measure_dense(model, groups, batches)
        for group, dense in track(repairs, "repairing layers", len(groups)):
            pruned = [record_until(model, group.watched, batch) for batch in batches]
            moments = Moments.of(dense, pruned)
            for target in group.targets:
                gap = Gap.of(target, dense, pruned) if group.sum else None
                _repair(target, moments, gap)


def _measure_dense(
    model: nn.Module, groups: Sequence[_Group], batches: Sequence[Batch]
) -> Iterator[tuple[_Group, list[Seen]]]:
    """Yield each group with its inputs in the dense model, which runs once for several groups."""
    tokens = sum(next(iter(batch.values())).numel() for batch in batches)
    width = max((sum(group.targets[0].weight.shape) for group in groups), default=1)
    several = max(1, MEMORY // max(1, 4 * width * tokens))
    targets = [target for group in groups for target in group.targets]
    for start in range(0, len(groups), several):
        chosen = groups[start : start + several]
        inputs: dict[nn.Module, list[torch.Tensor]] = {
            module: [] for group in chosen for module in group.watched
        }

        def add(
            layer: nn.Module,
            tensor: torch.Tensor,
            batch: Batch,
            inputs: dict[nn.Module, list[torch.Tensor]] = inputs,
        ) -> None:
            inputs[layer].append(select_tokens(tensor, batch).flatten(0, -2))

        with _dense_weights(targets):
            watch_inputs(model, inputs, batches, add)
        for group in chosen:
            kept = [inputs[module] for module in group.watched]
            yield group, [list(seen) for seen in zip(*kept, strict=True)]


def _group_layers(model: nn.Module, batch: Batch) -> list[_Group]:
    """Return the masked linear layers in the order of the forward pass, by their input."""
    from torch import nn

    places: dict[nn.Module, Pruned] = {
        place.module: place
        for place in pruned_parameters(model)
        if isinstance(place.module, nn.Linear) and place.parameter == "weight"
    }
    calls: list[tuple[nn.Module, torch.Tensor]] = []
    watch_inputs(model, places, [batch], lambda layer, tensor, _: calls.append((layer, tensor)))
    count = Counter(layer for layer, _ in calls)
    if left := [f"`{place.name}`" for layer, place in places.items() if count[layer] != 1]:
        remark(f"not repaired, because it is not called exactly once: {', '.join(left)}")
    groups: list[list[Target]] = []
    before: torch.Tensor | None = None
    for layer, tensor in calls:
        if count[layer] == 1:
            is_same = before is not None and tensor.data_ptr() == before.data_ptr()
            groups = groups if is_same else [*groups, []]
            groups[-1].append(Target.of(places[layer]))
            before = tensor
    sums = find_sums(model, [group[0].place.module for group in groups if len(group) == 1], batch)
    return [_Group(group, sums.get(group[0].place.module)) for group in groups]


@contextmanager
def _dense_weights(targets: Sequence[Target]) -> Iterator[None]:
    """Take the masks off and put the dense values back while the block runs."""
    pairs = [pair for target in targets for pair in _pair_values(target)]
    kept = [copy_tensor(tensor) for tensor, _ in pairs]
    try:
        for tensor, value in pairs:
            tensor.copy_(value)
        yield
    finally:
        for (tensor, _), value in zip(pairs, kept, strict=True):
            tensor.copy_(value)


def _pair_values(target: Target) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the tensors of a layer with the values of the dense model."""
    import torch

    yield target.place.original, target.weight
    yield target.place.mask, torch.ones_like(target.place.mask)
    if target.bias is not None and target.dense_bias is not None:
        yield target.bias, target.dense_bias


def _repair(target: Target, moments: Moments, gap: Gap | None) -> None:
    """Set the remaining weights of a layer, and its bias, to those of the least squares."""
    about = moments if target.bias is None else moments.centre()
    weight = target.weight.double()
    cross = weight @ about.cross
    if gap is not None:
        cross += gap.cross if target.bias is None else gap.cross - gap.mean.outer(moments.pruned)
    scale = about.products.diagonal().sqrt().clamp(min=1e-12)
    left = about.products / scale / scale[:, None]
    left.diagonal().add_(DAMPING)
    solved = _solve_rows(left, cross / scale + DAMPING * weight * scale, target.place.mask != 0)
    solved /= scale
    target.place.original.copy_(solved)
    if target.bias is not None and target.dense_bias is not None:
        shift = weight @ moments.dense - solved @ moments.pruned
        shift += 0 if gap is None else gap.mean
        target.bias.copy_(target.dense_bias.double() + shift)


def _solve_rows(left: torch.Tensor, right: torch.Tensor, remaining: torch.Tensor) -> torch.Tensor:
    """Return, for each row, the solution in its remaining columns; zero elsewhere."""
    import torch

    solved = torch.zeros_like(right)
    for row, columns in enumerate(remaining):
        at = columns.nonzero()[:, 0]
        if len(at):
            factor = torch.linalg.cholesky(left[at][:, at])
            solved[row, at] = torch.cholesky_solve(right[row, at, None], factor)[:, 0]
    return solved
