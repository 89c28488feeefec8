"""Masked linear layers beside their dense weights, and moments of their inputs in both models."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch
    from torch import nn

    from prunepack.stages.pruning.masks import Pruned

__all__ = ["Gap", "Moments", "Seen", "Target", "copy_tensor"]

Seen = list["torch.Tensor"]
"""Inputs (rows, inputs) of one batch: of a layer and, if there is one, of the sum after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A masked linear layer with its dense weight and bias."""

    place: Pruned
    weight: torch.Tensor
    bias: nn.Parameter | None
    dense_bias: torch.Tensor | None

    @classmethod
    def of(cls, place: Pruned) -> Target:
        """Return the layer of ``place``, whose weight is still the dense one under its mask."""
        bias = dict(place.module.named_parameters(recurse=False)).get("bias")
        return cls(
            place, copy_tensor(place.original), bias, None if bias is None else copy_tensor(bias)
        )

    def compute_dense(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the dense layer."""
        from torch.nn.functional import linear

        return linear(inputs, self.weight, self.dense_bias)

    def compute_pruned(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the masked layer as it is now."""
        from torch.nn.functional import linear

        return linear(inputs, self.place.original * self.place.mask, self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means of the inputs of a layer in the dense and the pruned model, and of their products."""

    dense: torch.Tensor
    pruned: torch.Tensor
    products: torch.Tensor
    cross: torch.Tensor

    @classmethod
    def of(cls, dense: Sequence[Seen], pruned: Sequence[Seen]) -> Moments:
        """Return the moments of the inputs of the layer, one matrix per batch and model."""
        pairs = [(x[0], y[0]) for x, y in zip(dense, pruned, strict=True)]
        rows = sum(len(x) for x, _ in pairs)
        return cls(
            _add(x.double().sum(0) for x, _ in pairs) / rows,
            _add(y.double().sum(0) for _, y in pairs) / rows,
            _add((y.T @ y).double() for _, y in pairs) / rows,
            _add((x.T @ y).double() for x, y in pairs) / rows,
        )

    def centre(self) -> Moments:
        """Return the moments about the means."""
        return replace(
            self,
            products=self.products - self.pruned.outer(self.pruned),
            cross=self.cross - self.dense.outer(self.pruned),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Error of the values that the output of a layer is added to, and its products with inputs.

    It is the difference of the dense and the pruned model.
    """

    mean: torch.Tensor
    cross: torch.Tensor

    @classmethod
    def of(cls, target: Target, dense: Sequence[Seen], pruned: Sequence[Seen]) -> Gap:
        """Return the gap of ``target`` from the inputs of the layer and of the sum."""
        gaps = [
            (x_sum - target.compute_dense(x)) - (y_sum - target.compute_pruned(y))
            for (x, x_sum), (y, y_sum) in zip(dense, pruned, strict=True)
        ]
        rows = sum(map(len, gaps))
        pairs = list(zip(gaps, pruned, strict=True))
        return cls(
            _add(gap.double().sum(0) for gap in gaps) / rows,
            _add((gap.T @ y[0]).double() for gap, y in pairs) / rows,
        )


def copy_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy of ``tensor`` without gradients."""
    return tensor.detach().clone()


def _add(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return reduce(operator.add, tensors)
