"""The reparameterisation alone, with a mask of ones: no weight is pruned."""

from __future__ import annotations

from torch.nn.utils.prune import Identity

from prunepack.stages.pruning.methods import Method

__all__ = ["METHOD"]

METHOD = Method(Identity)
