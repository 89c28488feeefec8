"""Sums that linear layers end in, such as the residual connections of transformers.

A layer whose output is only added to other values can correct the errors of those values. Such a
sum is found by its effect: a change of the output of the layer arrives, unchanged, at the input of
the next module.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prunepack.stages.calibration.layer_inputs import StopForwardError, run_batch, watch_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import nn

    from prunepack.stages.calibration.layer_inputs import Batch

__all__ = ["find_sums"]

SAMPLES = 2
TOLERANCE = 1e-3
"""Error of the addition, relative to the change."""


def find_sums(
    model: nn.Module, layers: Iterable[nn.Module], batch: Batch
) -> dict[nn.Module, nn.Module]:
    """Return, for each layer whose output is added to other values, the module that has the sum.

    This module, like the layer, must be called exactly once in a forward pass.
    """
    few = {key: tensor[:SAMPLES] for key, tensor in batch.items()}
    leaves = [module for module in model.modules() if not any(True for _ in module.children())]
    count: Counter[nn.Module] = Counter()
    watch_inputs(model, leaves, [few], lambda leaf, _tensor, _batch: count.update([leaf]))
    sums: dict[nn.Module, nn.Module] = {}
    for layer in layers:
        found = _find_sum(model, layer, leaves, few) if count[layer] == 1 else None
        if found is not None and count[found] == 1:
            sums[layer] = found
    return sums


def _find_sum(
    model: nn.Module, layer: nn.Module, leaves: Iterable[nn.Module], batch: Batch
) -> nn.Module | None:
    """Return the next module after ``layer`` if a change of the output is the same at its input."""
    import torch

    plain = _watch_next(model, layer, leaves, batch)
    if plain is None:
        return None
    generator = torch.Generator().manual_seed(0)
    change = torch.randn(plain[1].shape, generator=generator).to(plain[1]) * plain[1].abs().mean()
    changed = _watch_next(model, layer, leaves, batch, change)
    if changed is None or changed[0] is not plain[0]:
        return None
    error = changed[1] - plain[1] - change
    return plain[0] if error.norm() <= TOLERANCE * change.norm() else None


def _watch_next(
    model: nn.Module,
    layer: nn.Module,
    leaves: Iterable[nn.Module],
    batch: Batch,
    change: torch.Tensor | None = None,
) -> tuple[nn.Module, torch.Tensor] | None:
    """Return the next module with an input as large as the output of ``layer``, and that input.

    Modules that get the output itself, such as dropout, are passed over. ``change`` is added to
    the output.
    """
    import torch

    outputs: list[torch.Tensor] = []
    after: list[tuple[nn.Module, torch.Tensor]] = []

    def see_output(_layer: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        outputs.append(output if change is None else output + change)
        return outputs[0]

    def see_input(leaf: nn.Module, inputs: tuple[object, ...]) -> None:
        value = inputs[0] if outputs and inputs else None
        if not isinstance(value, torch.Tensor) or value.shape != outputs[0].shape:
            return
        if not torch.equal(value, outputs[0]):
            after.append((leaf, value.detach().clone()))
            raise StopForwardError

    handles = [leaf.register_forward_pre_hook(see_input) for leaf in leaves]
    handles.append(layer.register_forward_hook(see_output))
    try:
        run_batch(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return after[0] if after else None
