"""Single weights at random."""

from __future__ import annotations

from torch.nn.utils.prune import RandomUnstructured

from stages.pruning import Method

__all__ = ["METHOD"]

METHOD = Method(RandomUnstructured)
