"""Random single weights."""

from __future__ import annotations

from torch.nn.utils.prune import RandomUnstructured

from prunepack.stages.pruning.methods import Method

__all__ = ["METHOD"]

METHOD = Method(RandomUnstructured)
