"""Bounds of integer inputs: the rows of the tables that they index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.data.input_values import limit_batch
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.memory import count_allocated_bytes
from prunepack.stages.models.running import run_observed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["find_index_sizes", "find_sizing_inputs"]

LOOKUPS = ("embedding", "embedding_bag", "index_select", "index", "gather")
"""ATen operators that look up rows of a table, their first argument."""

SAMPLES = 16
"""Samples of the run; with so many, two inputs of one number each hardly hold the same values."""


def find_index_sizes(module: nn.Module, inputs: Sequence[InputSpec], seed: int) -> dict[str, int]:
    """Return the number of rows of the smallest table that each integer input indexes.

    ``module`` runs once on zeros and ones, which are valid for any table of two rows, while every
    look-up is observed. An index that equals an input, or an input plus a constant, as some models
    add to positions, reveals the bound of that input. An input without a look-up, such as a mask,
    has no entry.

    Raises:
        RefusedError: If the module fails.
    """
    import torch

    integers = [spec.name for spec in inputs if spec.dtype.startswith(("int", "uint"))]
    if not integers:
        return {}
    batch = random_inputs(inputs, limit_batch(inputs, SAMPLES), seed)
    arrays = {name: torch.from_numpy(batch[name]) for name in integers}
    sizes: dict[str, int] = {}
    observer = _observe_look_ups(lambda rows, index: _lower_sizes(sizes, arrays, rows, index))
    run_observed(module, batch, observer)
    return sizes


def find_sizing_inputs(
    module: nn.Module, inputs: Sequence[InputSpec], seed: int, sizes: Mapping[str, int]
) -> frozenset[str]:
    """Return the integer inputs whose values decide the sizes of tensors, such as lengths.

    Values up to 9, in place of 0 and 1, make the module allocate more memory.

    Args:
        module: The module.
        inputs: Its inputs.
        seed: The seed of the values.
        sizes: The rows of the table that an input indexes; such an input is left out.
    """
    usual = random_inputs(inputs, limit_batch(inputs, 2), seed, sizes)
    found = set()
    for spec in inputs:
        if spec.dtype.startswith(("int", "uint")) and spec.name not in sizes:
            larger = {**usual, spec.name: np.full_like(usual[spec.name], 9)}
            try:
                counts = [count_allocated_bytes(module, each) for each in (usual, larger)]
            except RefusedError:  # the comparison leaves such values out
                continue
            if counts[0] != counts[1]:
                found.add(spec.name)
    return frozenset(found)


def _observe_look_ups(
    on_look_up: Callable[[int, torch.Tensor], None],
) -> AbstractContextManager[object]:
    """Return a context in which each look-up calls ``on_look_up(rows, index)``."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Observer(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func.overloadpacket.__name__ in LOOKUPS:
                for rows, index in _find_look_ups(args):
                    on_look_up(rows, index)
            return func(*args, **(kwargs or {}))

    return Observer()  # type: ignore[no-untyped-call]  # torch's __init__ has no types


def _find_look_ups(args: Sequence[Any]) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield the rows of the table and the index of each axis that one call looks up."""
    import torch

    table = args[0]
    if isinstance(args[1], list | tuple):
        indexes = list(enumerate(args[1]))
    elif isinstance(args[1], int):  # index_select and gather: table, axis, index
        indexes = [(args[1], args[2])]
    else:
        indexes = [(0, args[1])]
    for axis, index in indexes:
        if isinstance(index, torch.Tensor) and not index.dtype.is_floating_point and table.ndim:
            yield table.shape[axis], index


def _lower_sizes(
    sizes: dict[str, int], inputs: dict[str, torch.Tensor], rows: int, index: torch.Tensor
) -> None:
    """Lower the sizes of the inputs whose values are in ``index``."""
    import torch

    for name, array in inputs.items():
        if index.dtype == torch.bool or array.numel() != index.numel() or not index.numel():
            continue
        offsets = (index.reshape(-1).long() - array.reshape(-1).long()).unique()
        if len(offsets) == 1 and 0 <= offsets.item() < rows:
            sizes[name] = min(sizes.get(name, rows), rows - int(offsets.item()))
