"""Inference of a torch module on named arrays."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import PrunepackError, RefusedError
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.models.binding import bind_names
from prunepack.stages.models.output_tree import flatten_result, select_tensors
from prunepack.stages.pruning.recomputation import fix_masked_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping, Arrays

__all__ = [
    "call_module",
    "compute_result",
    "compute_tensors",
    "run_module",
    "run_observed",
    "wrap_module",
]


def run_module(
    module: nn.Module, inputs: ArrayMapping, names: Sequence[str], paths: Sequence[str] = ()
) -> Arrays:
    """Return the outputs of ``module`` by the names that the ONNX model gives them.

    Args:
        module: The module.
        inputs: The inputs by name.
        names: The names of the outputs.
        paths: The path of each output in the result. Without paths, the tensors have the names in
            their order, and tensors beyond the last name are called ``torch_K``.

    Raises:
        RefusedError: If the module fails on these inputs, or an output has a dtype that NumPy
            does not have.
    """
    tensors = select_tensors(flatten_result(compute_result(module, inputs)))
    if paths:
        named = {
            name: tensors[path] for name, path in zip(names, paths, strict=True) if path in tensors
        }
    else:
        extra = (f"torch_{index}" for index in range(len(names), len(tensors)))
        named = dict(zip([*names, *extra], tensors.values(), strict=False))
    with _refuse_failures(inputs):
        return {name: tensor.numpy() for name, tensor in named.items()}


def compute_tensors(module: nn.Module, inputs: ArrayMapping) -> list[torch.Tensor]:
    """Run ``module`` once and return the tensors in its result, in their order.

    The arguments and errors are those of :func:`compute_result`.
    """
    return list(select_tensors(flatten_result(compute_result(module, inputs))).values())


def compute_result(module: nn.Module, inputs: ArrayMapping) -> object:
    """Run ``module`` once on copies of ``inputs`` and return its result.

    Args:
        module: The module; its mode, training or evaluation, stays as it is.
        inputs: The inputs by name; a ``forward`` that changes them does not change these.

    Raises:
        UsageError: If the inputs do not bind to the arguments of ``forward``.
        RefusedError: If the module fails on these inputs.
    """
    import torch

    tensors = {name: torch.from_numpy(np.array(array)) for name, array in inputs.items()}
    with (
        _refuse_failures(inputs),
        fix_masked_weights(module),
        torch.inference_mode(),
        _keep_nan(inputs),
    ):
        return call_module(module, tensors)


def _keep_nan(inputs: ArrayMapping) -> AbstractContextManager[None]:
    """Let attention pass NaN on: torch's fused kernel on the CPU takes its scores for masked ones.

    The outputs of such rows would be zero, which is neither the definition nor what other runtimes
    give.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    has_nan = any(array.dtype.kind == "f" and np.isnan(array).any() for array in inputs.values())
    return sdpa_kernel(SDPBackend.MATH) if has_nan else nullcontext()


def run_observed(
    module: nn.Module, inputs: ArrayMapping, mode: AbstractContextManager[object]
) -> bool:
    """Run ``module`` once under a dispatch mode, and return whether that is possible.

    ``torch.cond`` compiles itself for the mode that is active, and fails under ours.

    Raises:
        UsageError: If the inputs do not bind to the arguments of ``forward``.
        RefusedError: If the module also fails without the mode.
    """
    import torch

    try:
        with mode:
            compute_result(module, inputs)
    except RefusedError:
        torch.compiler.reset()
        compute_result(module, inputs)
        return False
    return True


def call_module(module: nn.Module, inputs: Mapping[str, torch.Tensor]) -> object:
    """Call ``module`` with each input as the argument that it binds to."""
    positional, keywords = bind_names(module, tuple(inputs)).arrange(inputs)
    return module(*positional, **keywords)


def wrap_module(module: nn.Module, names: Sequence[str], paths: Sequence[str]) -> nn.Module:
    """Return a module from the tensors ``names``, in order, to a tuple of the tensors ``paths``.

    The submodule ``model`` of the returned module is ``module``.
    """
    from torch import nn

    binding = bind_names(module, names)

    class FlatModule(nn.Module):
        """Module whose arguments and results are tensors only."""

        def __init__(self) -> None:
            super().__init__()
            self.model = module

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            positional, keywords = binding.arrange(dict(zip(names, tensors, strict=True)))
            leaves = flatten_result(self.model(*positional, **keywords))
            return tuple(leaves[path] for path in paths)

    return FlatModule().train(module.training)


@contextmanager
def _refuse_failures(inputs: ArrayMapping) -> Iterator[None]:
    """Turn any exception inside the block, except our own, into a :class:`RefusedError`."""
    try:
        yield
    except PrunepackError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{name}{list(array.shape)}" for name, array in inputs.items())
        raise RefusedError(
            f"the torch model cannot run on {shapes}",
            found=describe_error(error),
            hint="Check load.inputs, and that the model takes a batch of any size",
        ) from error
