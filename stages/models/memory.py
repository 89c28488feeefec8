"""Memory of one run of a module, by the tensors that its operators allocate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.stages.models.running import compute_tensors, run_observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import ArrayMapping

__all__ = ["MOST_BYTES", "count_allocated_bytes", "limit_samples"]

MOST_BYTES = 1 << 29
"""Most bytes that the operators allocate in one run; a runtime that reuses memory needs less."""


def limit_samples(module: nn.Module, inputs: ArrayMapping, count: int, size: int) -> int:
    """Return the number of samples for one run: ``size``, or fewer if they need much memory.

    Args:
        module: The module; it runs once.
        inputs: Inputs of ``count`` samples.
        count: The number of samples in ``inputs``.
        size: The most samples of one run.

    Raises:
        RefusedError: If the module fails on the inputs.
    """
    per_sample = count_allocated_bytes(module, inputs) / count
    return max(1, min(size, int(MOST_BYTES / max(per_sample, 1))))


def count_allocated_bytes(module: nn.Module, inputs: ArrayMapping) -> int:
    """Return the bytes of all tensors that the operators of one run allocate; views are free.

    Where the operators cannot be observed, these are the bytes of the outputs.

    Raises:
        RefusedError: If the module fails on the inputs.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    total = 0

    class Counter(TorchDispatchMode):
        def __init__(self) -> None:
            TorchDispatchMode.__init__(self)

        def __torch_dispatch__(
            self, operator: Any, _types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            nonlocal total
            result = operator(*args, **(kwargs or {}))
            known = {_address(tensor) for tensor in _list_tensors((args, kwargs))}
            for tensor in _list_tensors(result):
                if _address(tensor) not in known:
                    total += tensor.numel() * tensor.element_size()
            return result

    if run_observed(module, inputs, Counter()):
        return total
    return sum(tensor.nbytes for tensor in compute_tensors(module, inputs))


def _list_tensors(value: Any) -> Iterator[torch.Tensor]:
    import torch
    from torch.utils._pytree import tree_leaves

    return (leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor))


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
