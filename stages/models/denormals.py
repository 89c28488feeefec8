"""Denormal weights: numbers below the smallest normal one, which slow a session down."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from prunepack.coding import near_zeros
from prunepack.stages.models.checkpoints import select_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import Array

__all__ = [
    "count_denormals",
    "find_denormals",
    "find_tensor_denormals",
    "flush_denormals",
    "keep_denormals",
]


def find_denormals(array: Array) -> npt.NDArray[np.bool_]:
    """Return the elements that are denormal, in the shape of ``array``.

    Args:
        array: An array of any dtype; one of integers or float16 has no denormals.
    """
    return near_zeros.find_denormals(array, array.dtype.name)


def find_tensor_denormals(tensor: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Return the elements of a tensor that are denormal, as :func:`find_denormals` does."""
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in near_zeros.MANTISSA_BITS:
        return np.zeros(tuple(tensor.shape), bool)
    words = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.itemsize]
    return near_zeros.find_denormals(tensor.detach().contiguous().view(words).numpy(), name)


def count_denormals(array: Array) -> int:
    """Return the number of denormal elements."""
    return int(np.count_nonzero(find_denormals(array)))


def flush_denormals(module: nn.Module) -> dict[str, torch.Tensor]:
    """Set the denormal elements of parameters and buffers to +0.0, in place.

    Returns:
        The values before, by state-dict name, of the tensors that changed; tied ones once.
    """
    import torch

    before: dict[str, torch.Tensor] = {}
    for name, tensor in select_tensors(module.state_dict()).items():
        found = find_tensor_denormals(tensor)
        if found.any():
            before[name] = tensor.clone()
            tensor[torch.from_numpy(found)] = 0.0
    return before


@contextmanager
def keep_denormals() -> Iterator[None]:
    """Compute with denormals in this thread, where a session may have turned them into zeros."""
    import torch

    smallest = torch.ones(1, dtype=torch.int32).view(torch.float32)
    are_zeros = not bool((smallest * 1).view(torch.int32))
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(are_zeros)
