"""Single weights of the smallest magnitude (Han, Pool, Tran and Dally 2015)."""

from __future__ import annotations

from torch.nn.utils.prune import L1Unstructured

from prunepack.stages.pruning.methods import Method

__all__ = ["METHOD"]

METHOD = Method(L1Unstructured, scope="global")
