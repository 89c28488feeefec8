"""Repair of linear layers after pruning: the remaining weights by least squares, without training.

Given its mask, the weights of each output are those with which the layer, on the inputs that the
pruned layers before it give, comes closest to the output of the dense layer. Layers are repaired
in the order of the forward pass, so that errors do not add up (Frantar and Alistarh 2022; 2023).
"""

from __future__ import annotations

import operator
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from prunepack.stages.calibration.layer_inputs import (
    read_batches,
    record_until,
    select_tokens,
    shorten,
    watch_inputs,
)
from prunepack.stages.contract.progress import remark, track
from prunepack.stages.pruning.masks import Pruned, pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.calibration.layer_inputs import Batch
    from prunepack.stages.data.datasets import Data

__all__ = ["reconstruct"]

SAMPLES = 1000
MEMORY = 1 << 30
"""Bytes for the inputs of several layers in the dense model."""
DAMPING = 0.01
"""Weight of the dense values in the least squares, as a fraction of an input's energy."""


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """A masked linear layer with its dense weight and bias."""

    place: Pruned
    weight: torch.Tensor
    bias: nn.Parameter | None
    dense_bias: torch.Tensor | None

    @classmethod
    def of(cls, place: Pruned) -> _Target:
        """Return the layer of ``place``, whose weight is still the dense one under its mask."""
        bias = dict(place.module.named_parameters(recurse=False)).get("bias")
        return cls(place, _copy(place.original), bias, None if bias is None else _copy(bias))


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Means of the inputs of a layer in the dense and the pruned model, and of their products."""

    dense: torch.Tensor
    pruned: torch.Tensor
    products: torch.Tensor
    cross: torch.Tensor

    @classmethod
    def of(cls, dense: Sequence[torch.Tensor], pruned: Sequence[torch.Tensor]) -> _Moments:
        """Return the moments of inputs (rows, inputs), one tensor per batch and model."""
        rows = sum(map(len, dense))
        pairs = list(zip(dense, pruned, strict=True))
        return cls(
            _add(x.double().sum(0) for x in dense) / rows,
            _add(y.double().sum(0) for y in pruned) / rows,
            _add((y.T @ y).double() for y in pruned) / rows,
            _add((x.T @ y).double() for x, y in pairs) / rows,
        )

    def centre(self) -> _Moments:
        """Return the moments about the means."""
        return replace(
            self,
            products=self.products - self.pruned.outer(self.pruned),
            cross=self.cross - self.dense.outer(self.pruned),
        )


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone()


def _add(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return reduce(operator.add, tensors)


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
        everything = [target for group in groups for target in group]
        repairs = _measure_dense(model, groups, batches, everything)
        for group, dense in track(repairs, "repairing layers", len(groups)):
            pruned = [record_until(model, group[0].place.module, batch) for batch in batches]
            moments = _Moments.of(dense, pruned)
            for target in group:
                _repair(target, moments)


def _measure_dense(
    model: nn.Module,
    groups: Sequence[list[_Target]],
    batches: Sequence[Batch],
    targets: Sequence[_Target],
) -> Iterator[tuple[list[_Target], list[torch.Tensor]]]:
    """Yield each group with its inputs in the dense model, which runs once for several groups."""
    tokens = sum(next(iter(batch.values())).numel() for batch in batches)
    width = max((group[0].weight.shape[1] for group in groups), default=1)
    several = max(1, MEMORY // max(1, 4 * width * tokens))
    for start in range(0, len(groups), several):
        chosen = groups[start : start + several]
        inputs: dict[nn.Module, list[torch.Tensor]] = {g[0].place.module: [] for g in chosen}

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
            yield group, inputs.pop(group[0].place.module)


def _group_layers(model: nn.Module, batch: Batch) -> list[list[_Target]]:
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
    groups: list[list[_Target]] = []
    before: torch.Tensor | None = None
    for layer, tensor in calls:
        if count[layer] == 1:
            is_same = before is not None and tensor.data_ptr() == before.data_ptr()
            groups = groups if is_same else [*groups, []]
            groups[-1].append(_Target.of(places[layer]))
            before = tensor
    return groups


@contextmanager
def _dense_weights(targets: Sequence[_Target]) -> Iterator[None]:
    """Take the masks off and put the dense values back while the block runs."""
    pairs = [pair for target in targets for pair in _pair_values(target)]
    kept = [_copy(tensor) for tensor, _ in pairs]
    try:
        for tensor, value in pairs:
            tensor.copy_(value)
        yield
    finally:
        for (tensor, _), value in zip(pairs, kept, strict=True):
            tensor.copy_(value)


def _pair_values(target: _Target) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the tensors of a layer with the values of the dense model."""
    import torch

    yield target.place.original, target.weight
    yield target.place.mask, torch.ones_like(target.place.mask)
    if target.bias is not None and target.dense_bias is not None:
        yield target.bias, target.dense_bias


def _repair(target: _Target, moments: _Moments) -> None:
    """Set the remaining weights of a layer, and its bias, to those of the least squares."""
    about = moments if target.bias is None else moments.centre()
    weight = target.weight.double()
    scale = about.products.diagonal().sqrt().clamp(min=1e-12)
    left = about.products / scale / scale[:, None]
    left.diagonal().add_(DAMPING)
    right = (weight @ about.cross) / scale + DAMPING * weight * scale
    solved = _solve_rows(left, right, target.place.mask != 0) / scale
    target.place.original.copy_(solved)
    if target.bias is not None and target.dense_bias is not None:
        shift = weight @ moments.dense - solved @ moments.pruned
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
