"""Whole channels along a dimension, of the smallest Ln norm (Li et al. 2017, with n = 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.utils.prune import LnStructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD"]


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    # torch computes "fro" over at most two dimensions; over more, it equals the L2 norm
    n = {"fro": 2.0, "nuc": "nuc"}.get(str(options.norm))
    return {"n": n or float(options.norm), "dim": options.dim}


METHOD = Method(LnStructured, _arguments, axis="outputs")
