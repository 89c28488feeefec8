"""No weight at all: only the reparameterisation, with a mask of ones."""

from __future__ import annotations

from torch.nn.utils.prune import Identity

from prunepack.stages.pruning.methods import Method

__all__ = ["METHOD"]

METHOD = Method(Identity)
