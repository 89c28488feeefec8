"""Run of a torch module on named arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays

__all__ = ["run_module"]


def run_module(module: nn.Module, inputs: ArrayMapping, names: Sequence[str]) -> Arrays:
    """Return the outputs of ``module`` by the names that the ONNX model gives them.

    Tensors beyond the last name are called ``torch_K``.

    Raises:
        RefusedError: If the module fails on these inputs.
    """
    import torch
    from torch.utils._pytree import tree_leaves

    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs.values()]
    try:
        with torch.inference_mode():
            leaves = tree_leaves(module(*tensors))
            arrays = [leaf.numpy() for leaf in leaves if isinstance(leaf, torch.Tensor)]
    except Exception as error:
        shapes = ", ".join(f"{name}{list(array.shape)}" for name, array in inputs.items())
        lines = str(error).strip().splitlines() or ["no message"]
        raise RefusedError(
            f"the torch model cannot run on {shapes}",
            found=f"{type(error).__name__}: {lines[0]}",
            hint="Check load.inputs, and that the model takes a batch of any size",
        ) from error
    known = [*names, *(f"torch_{index}" for index in range(len(names), len(arrays)))]
    return dict(zip(known, arrays, strict=False))
