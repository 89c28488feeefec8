"""Statistics on calibration samples, which pruning methods rank weights by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

__all__ = ["KINDS", "NO_STATISTICS", "StatisticKind", "Statistics"]

StatisticKind = Literal["norms", "products", "gradients", "squared_gradients"]
"""The statistics that a method can ask for."""

KINDS: tuple[StatisticKind, ...] = get_args(StatisticKind)

LAYERS: Mapping[StatisticKind, str] = {
    "norms": "a linear layer or a convolution",
    "products": "a linear layer",
}
"""The layers with statistics of their inputs, for messages."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of weights and of the inputs of their layers, by the name of the weight.

    Attributes:
        norms: L2 norms of inputs, float32: (inputs,), or (groups, inputs / groups) for a
            convolution.
        products: Mean products of pairs of inputs, float64 (inputs, inputs), of linear layers;
            about the mean if the layer has a bias, which can make up for a change of the mean.
        gradients: Gradients of the mean loss, in the shape of the weight.
        squared_gradients: Means of the squared gradients of batches, in the shape of the weight.
    """

    norms: Mapping[str, torch.Tensor] = field(default_factory=dict)
    products: Mapping[str, torch.Tensor] = field(default_factory=dict)
    gradients: Mapping[str, torch.Tensor] = field(default_factory=dict)
    squared_gradients: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def reorder(self, name: str, order: Callable[[torch.Tensor], torch.Tensor]) -> Statistics:
        """Return the statistics of one weight, with gradients in another order of dimensions."""
        moved = {
            kind: {name: order(getattr(self, kind)[name])}
            for kind in ("gradients", "squared_gradients")
            if name in getattr(self, kind)
        }
        return replace(self, **moved)

    def find(self, kind: StatisticKind, name: str) -> torch.Tensor:
        """Return a statistic of the weight ``name``.

        Raises:
            UsageError: If it has none.
        """
        found: torch.Tensor | None = getattr(self, kind).get(name)
        if found is None:
            raise _explain_absence(kind, name)
        return found

    def fit(self, kind: StatisticKind, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return a statistic of the weight ``tensor``; norms in a shape that multiplies with it.

        Raises:
            UsageError: If it has none.
        """
        return self.find_norms(name, tensor) if kind == "norms" else self.find(kind, name)

    def find_norms(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return the input norms of the weight ``tensor``, in a shape that multiplies with it.

        Args:
            name: The name of the weight.
            tensor: The weight, (outputs, inputs, …).

        Raises:
            UsageError: If its layer has none.
        """
        norms = self.find("norms", name)
        groups = norms if norms.ndim == 2 else norms[None]
        rows = groups.repeat_interleave(tensor.shape[0] // len(groups), 0)
        return rows.reshape(*rows.shape, *[1] * (tensor.ndim - 2))


NO_STATISTICS = Statistics()


def _explain_absence(kind: StatisticKind, name: str) -> UsageError:
    what, owner = f"the gradient of `{name}` is not known", "a weight of a layer"
    if kind in LAYERS:
        what, owner = f"the inputs of the layer of `{name}` are not known", LAYERS[kind]
    return UsageError(
        what,
        expected=f"{owner} that runs on the calibration samples",
        found="none",
        hint="Leave the layer out with prune.exclude, or prune it by a rule of its own",
    )
