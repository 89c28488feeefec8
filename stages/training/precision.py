"""Precision of a training: bfloat16 arithmetic, and float32 for models of half precision."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prunepack.stages.contract.progress import remark
from prunepack.stages.pruning.recomputation import recompute_masked_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import torch
    from torch import nn

__all__ = ["compute_in", "hold_in_float32", "widen"]


def compute_in(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Return a block in which layers compute in ``precision``: fp32 or bf16."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def widen(values: Any) -> Any:
    """Return a tree of tensors with float16 and bfloat16 as float32."""
    import torch
    from torch.utils._pytree import tree_map

    halves = (torch.float16, torch.bfloat16)

    def convert(value: Any) -> Any:
        is_half = isinstance(value, torch.Tensor) and value.dtype in halves
        return value.float() if is_half else value

    return tree_map(convert, values)


@contextmanager
def hold_in_float32(model: nn.Module | None) -> Iterator[None]:
    """Hold the float16 and bfloat16 tensors of ``model`` in float32 inside the block.

    Steps of an optimizer are lost in half precision: 1 + 0.001 is 1 in bfloat16.
    """
    import torch

    halves = (torch.float16, torch.bfloat16)
    tensors = (*model.parameters(), *model.buffers()) if model else ()
    held = [(tensor, tensor.dtype) for tensor in tensors if tensor.dtype in halves]
    if model is None or not held:
        yield
        return
    for tensor, _ in held:
        tensor.data = tensor.data.float()
    recompute_masked_weights(model)
    hook = model.register_forward_pre_hook(
        lambda _module, args, kwargs: (widen(args), widen(kwargs)), with_kwargs=True
    )
    remark("the weights were trained in float32 and rounded to their own dtype at the end")
    try:
        yield
    finally:
        hook.remove()
        for tensor, dtype in held:
            tensor.data = tensor.data.to(dtype)
        recompute_masked_weights(model)
