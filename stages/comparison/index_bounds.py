"""Which integers an input may hold: those that the tables they look things up in have rows for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.running import run_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import InputSpec

__all__ = ["index_sizes"]

LOOKUPS = ("embedding", "embedding_bag", "index_select", "index", "gather")
"""ATen's operators that look rows up in a table, their first argument."""

WATCHED = 16
"""Samples: enough that two inputs of one number each do not hold the same ones by chance."""


def index_sizes(module: nn.Module, inputs: Sequence[InputSpec], seed: int) -> dict[str, int]:
    """Return for each integer input the rows of the smallest table that it is an index into.

    ``module`` is run once on zeros and ones, which any table of two rows takes, and every look-up
    that it makes is watched: an index that holds an input's numbers, or those and a constant, as
    some models add to positions, shows how large that input may be. An input that is in no
    look-up, such as a mask, has no entry.

    Raises:
        RefusedError: If the module fails.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    whole = [one.name for one in inputs if one.dtype.startswith(("int", "uint"))]
    if not whole:
        return {}
    given = random_inputs(inputs, WATCHED, seed)
    arrays = {name: torch.from_numpy(given[name]) for name in whole}
    sizes: dict[str, int] = {}

    class Watch(TorchDispatchMode):
        def __init__(self) -> None:
            TorchDispatchMode.__init__(self)

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func.overloadpacket.__name__ in LOOKUPS:
                for rows, index in _look_ups(args):
                    _narrow(sizes, arrays, rows, index)
            return func(*args, **(kwargs or {}))

    with Watch():
        run_module(module, given, ())
    return sizes


def _look_ups(args: Sequence[Any]) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield (rows of the table, index) of one call: ``index`` has an index for each axis."""
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


def _narrow(
    sizes: dict[str, int], inputs: dict[str, torch.Tensor], rows: int, index: torch.Tensor
) -> None:
    """Lower the sizes of the inputs whose numbers are in ``index``."""
    import torch

    for name, array in inputs.items():
        if index.dtype == torch.bool or array.numel() != index.numel() or not index.numel():
            continue
        added = (index.reshape(-1).long() - array.reshape(-1).long()).unique()
        if len(added) == 1 and 0 <= added.item() < rows:
            sizes[name] = min(sizes.get(name, rows), rows - int(added.item()))
