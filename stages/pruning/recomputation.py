"""Masks in force: in every forward and backward pass, whoever reads a masked weight.

``torch.nn.utils.prune`` recomputes a masked weight when its own module is called. Some modules read
the weight of another one without a call, as ``MultiheadAttention`` reads that of its ``out_proj``
and as the fast path of ``TransformerEncoderLayer`` does: the weight is then the one of an earlier
pass, and it gets no gradient. So every module that contains masked modules recomputes their
weights before it runs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prunepack.stages.pruning.masks import pruned_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

__all__ = [
    "fix_masked_weights",
    "recompute_before_forward",
    "recompute_masked_weights",
    "stop_recomputing",
]


def recompute_masked_weights(model: nn.Module) -> None:
    """Compute every masked weight of ``model`` from its parameter and its mask, without a graph."""
    import torch

    with torch.no_grad():
        _recompute(model)


def _recompute(module: nn.Module, _arguments: Any = ()) -> None:
    """Compute the masked weights of ``module`` and of the modules in it: a forward pre-hook."""
    for place in pruned_parameters(module):
        setattr(place.module, place.parameter, place.original * place.mask)


def recompute_before_forward(model: nn.Module) -> None:
    """Make every module recompute the masked weights below it before each of its forward passes.

    A second call changes nothing. Users may call a part of the model alone, so the root is not
    enough.
    """
    masked = {id(place.module) for place in pruned_parameters(model)}
    for module in model.modules():
        inside = any(id(child) in masked for child in module.modules() if child is not module)
        if inside and _recompute not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(_recompute, prepend=True)


@contextmanager
def fix_masked_weights(model: nn.Module) -> Iterator[None]:
    """Compute every masked weight once, in place of a hook in each forward pass.

    ``torch.cond`` and other operators that compile their branches cannot call such a hook.
    """
    from torch.nn.utils.prune import BasePruningMethod

    recompute_masked_weights(model)
    before = []
    for module in model.modules():
        hooks = module._forward_pre_hooks
        ours = {
            key
            for key, hook in hooks.items()
            if isinstance(hook, BasePruningMethod) or hook is _recompute
        }
        if ours:
            before.append((hooks, ours, dict(hooks)))
            for key in ours:
                del hooks[key]
    try:
        yield
    finally:
        for hooks, ours, held in before:
            left = dict(hooks)
            hooks.clear()
            hooks.update({key: hook for key, hook in held.items() if key in ours or key in left})
            hooks.update(left)


def stop_recomputing(model: nn.Module) -> None:
    """Take off the hooks of :func:`recompute_before_forward`."""
    for module in model.modules():
        hooks = module._forward_pre_hooks
        for key in [key for key, hook in hooks.items() if hook is _recompute]:
            del hooks[key]
