"""Inputs of the layers of a model while it runs on calibration samples."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.models.running import call_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.data.datasets import Data
    from prunepack.stages.data.samples import Samples

__all__ = [
    "Batch",
    "StopForwardError",
    "read_batches",
    "read_samples",
    "record_until",
    "run_batch",
    "select_tokens",
    "shorten",
    "watch_inputs",
]

Batch = dict[str, "torch.Tensor"]
"""The inputs of a model by name."""

BATCH_SIZE = 25
ATTENTION_MASK = "attention_mask"


class StopForwardError(Exception):
    """End of a forward pass whose remaining layers are not needed."""


def read_samples(data: Data | None, samples: int) -> list[Samples]:
    """Return up to ``samples`` training samples with their labels, in batches.

    Raises:
        UsageError: If there are none.
    """
    if data is None or data.train is None:
        raise UsageError(
            "there are no samples to calibrate on",
            expected="load.dataset with a train split",
            found="none" if data is None else "no train split",
            hint="Name a dataset, or choose a method that needs no samples",
        )
    batches: list[Samples] = []
    left = samples
    for batch in data.train.read(BATCH_SIZE):
        batches.append(batch.take(slice(left)))
        left -= len(batches[-1])
        if left <= 0:
            break
    return batches


def read_batches(data: Data | None, samples: int) -> list[Batch]:
    """Return the inputs of up to ``samples`` training samples, in batches.

    Raises:
        UsageError: If there are none.
    """
    import torch

    return [
        {key: torch.from_numpy(array) for key, array in batch.arrays.items()}
        for batch in read_samples(data, samples)
    ]


def shorten(module: nn.Module, batches: Sequence[Batch]) -> list[Batch]:
    """Return the same samples without padding that all sentences of a batch have, if they can run.

    Samples are ordered by their length, which makes the batches short. A model that needs its
    full length gets the batches as they are.
    """
    import torch

    if not all(ATTENTION_MASK in batch for batch in batches):
        return list(batches)
    whole = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
    mask = whole[ATTENTION_MASK]
    ends = (mask != 0).long().mul(torch.arange(1, mask.shape[1] + 1)).amax(1)
    parts = [
        _take_tokens(whole, rows, int(ends[rows].max()))
        for rows in ends.argsort().split(BATCH_SIZE)
    ]
    try:
        run_batch(module, parts[0])
    except Exception:  # noqa: BLE001 -- whatever a model raises that needs its full length
        return list(batches)
    return parts


def _take_tokens(whole: Batch, rows: torch.Tensor, tokens: int) -> Batch:
    """Return some rows, and of each tensor that the attention mask fits, the first tokens."""
    shape = whole[ATTENTION_MASK].shape
    return {
        key: tensor[rows, :tokens] if tensor.shape[:2] == shape else tensor[rows]
        for key, tensor in whole.items()
    }


def watch_inputs(
    module: nn.Module,
    layers: Iterable[nn.Module],
    batches: Sequence[Batch],
    visit: Callable[[nn.Module, torch.Tensor, Batch], None],
) -> None:
    """Run ``module`` on all batches; call ``visit(layer, input, batch)`` for each layer call."""
    import torch

    for batch in batches:

        def see(layer: nn.Module, inputs: tuple[torch.Tensor, ...], batch: Batch = batch) -> None:
            if inputs and isinstance(inputs[0], torch.Tensor):
                visit(layer, inputs[0].detach(), batch)

        with _register(layers, see):
            run_batch(module, batch)


def record_until(
    module: nn.Module, layers: Sequence[nn.Module], batch: Batch
) -> list[torch.Tensor]:
    """Return the inputs of ``layers`` as matrices (rows, inputs), and run nothing after the last.

    Each layer is called once, and they are called in their order.
    """
    seen: list[torch.Tensor] = []

    def see(layer: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        seen.append(select_tokens(arguments[0].detach(), batch).flatten(0, -2))
        if layer is layers[-1]:
            raise StopForwardError

    with _register(layers, see):
        run_batch(module, batch)
    return seen


def select_tokens(tensor: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the rows of real tokens where the batch has an attention mask for ``tensor``."""
    mask = batch.get(ATTENTION_MASK)
    if mask is None or tensor.ndim != 3 or tensor.shape[:2] != mask.shape:
        return tensor
    return tensor[mask != 0]


def run_batch(module: nn.Module, batch: Batch) -> None:
    """Run ``module`` on ``batch``; a hook may end the forward pass by ``StopForwardError``."""
    import torch

    with torch.no_grad():
        try:
            call_module(module, batch)
        except StopForwardError:
            return


@contextmanager
def _register(
    layers: Iterable[nn.Module], see: Callable[[nn.Module, tuple[torch.Tensor, ...]], None]
) -> Iterator[None]:
    handles = [layer.register_forward_pre_hook(see) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
