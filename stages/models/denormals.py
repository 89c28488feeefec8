"""Denormal weights: numbers below the smallest normal one, which slow a session down."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

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

MANTISSA_BITS = {"bfloat16": 7, "float32": 23, "float64": 52}
"""Bits of the mantissa, by dtype.

Processors compute in these dtypes, or in float32 with bfloat16 weights. A float16 weight becomes
a normal float32 number, whatever its size, so that float16 is not among them.
"""


def find_denormals(array: Array) -> npt.NDArray[np.bool_]:
    """Return the elements that are denormal, in the shape of ``array``.

    The bits decide: a processor that takes denormals for zeros also compares them as zeros.

    Args:
        array: An array of any dtype; one of integers or float16 has no denormals.
    """
    return _find_in_bits(array, array.dtype.name)


def find_tensor_denormals(tensor: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Return the elements of a tensor that are denormal, as :func:`find_denormals` does."""
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in MANTISSA_BITS:
        return np.zeros(tuple(tensor.shape), bool)
    words = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.itemsize]
    return _find_in_bits(tensor.detach().contiguous().view(words).numpy(), name)


def _find_in_bits(array: Array, name: str) -> npt.NDArray[np.bool_]:
    if name not in MANTISSA_BITS:
        return np.zeros(array.shape, bool)
    words = np.ascontiguousarray(array).view(f"u{array.itemsize}").reshape(array.shape)
    magnitude = words << np.array(1, words.dtype)  # without the sign
    found: npt.NDArray[np.bool_] = (magnitude != 0) & (magnitude >> (MANTISSA_BITS[name] + 1) == 0)
    return found


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
