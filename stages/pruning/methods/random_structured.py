"""Random channels along a dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.utils.prune import RandomStructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD"]


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    return {"dim": options.dim}


METHOD = Method(RandomStructured, _arguments, axis="outputs")
