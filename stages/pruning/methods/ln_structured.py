"""Whole channels along a dimension, those of the smallest Ln norm (Li et al. 2017, with n = 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.utils.prune import LnStructured

from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    import torch

    from prunepack.stages.pruning.rules import Rule

__all__ = ["METHOD"]


def _arguments(rule: Rule, name: str, tensor: torch.Tensor) -> dict[str, Any]:  # noqa: ARG001
    # torch computes "fro" over two dimensions at most; over any number of them it is the L2 norm
    n = {"fro": 2.0, "nuc": "nuc"}.get(str(rule.norm))
    return {"n": n or float(rule.norm), "dim": rule.dim}


METHOD = Method(LnStructured, _arguments)
