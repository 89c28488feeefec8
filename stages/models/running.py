"""Inference of a torch module on named arrays."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays

__all__ = ["compute_tensors", "run_module"]


def run_module(module: nn.Module, inputs: ArrayMapping, names: Sequence[str]) -> Arrays:
    """Return the outputs of ``module`` by the names that the ONNX model gives them.

    Tensors beyond the last name are called ``torch_K``.

    Raises:
        RefusedError: If the module fails on these inputs, or an output has a dtype that NumPy
            does not have.
    """
    tensors = compute_tensors(module, inputs)
    with _refuse_failures(inputs):
        arrays = [tensor.numpy() for tensor in tensors]
    known = [*names, *(f"torch_{index}" for index in range(len(names), len(arrays)))]
    return dict(zip(known, arrays, strict=False))


def compute_tensors(module: nn.Module, inputs: ArrayMapping) -> list[torch.Tensor]:
    """Run ``module`` once and return the tensors in its result, in their order.

    Args:
        module: The module; its mode, training or evaluation, stays as it is.
        inputs: The arguments of ``forward``, in their order.

    Raises:
        RefusedError: If the module fails on these inputs.
    """
    import torch
    from torch.utils._pytree import tree_leaves

    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs.values()]
    with _refuse_failures(inputs), torch.inference_mode():
        return [leaf for leaf in tree_leaves(module(*tensors)) if isinstance(leaf, torch.Tensor)]


@contextmanager
def _refuse_failures(inputs: ArrayMapping) -> Iterator[None]:
    """Turn any exception inside the block into a :class:`RefusedError`."""
    try:
        yield
    except Exception as error:
        shapes = ", ".join(f"{name}{list(array.shape)}" for name, array in inputs.items())
        lines = str(error).strip().splitlines() or ["no message"]
        raise RefusedError(
            f"the torch model cannot run on {shapes}",
            found=f"{type(error).__name__}: {lines[0]}",
            hint="Check load.inputs, and that the model takes a batch of any size",
        ) from error
